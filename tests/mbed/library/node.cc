#include "node.h"

#include <new>

int inputs(const Node& node) { return node.inputs; }

#ifndef ARDUINO
int temporaries(const Node& node) { return node.temporaries; }
#endif

alignas(Plan) static unsigned char g_place[sizeof(Plan)];
Plan* plan() { return new (g_place) Plan; }
