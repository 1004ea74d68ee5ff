// As in TFLite-Micro's library for Arduino: what a file needs depends on the framework.
#pragma once

struct Node {
  int inputs;
};

int inputs(const Node& node);

// Another of its ways: with exceptions a class like this cannot be made in place.
class Plan {
 private:
  static void operator delete(void*) {}
};

Plan* plan();
