#include "node.h"

int inputs(const Node& node) { return node.inputs; }

#ifndef ARDUINO
int temporaries(const Node& node) { return node.temporaries; }
#endif
