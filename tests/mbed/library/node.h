// As in TFLite-Micro's library for Arduino: what a file needs depends on the framework.
#pragma once

struct Node {
  int inputs;
};

int inputs(const Node& node);
