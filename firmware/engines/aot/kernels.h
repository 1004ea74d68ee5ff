// The kernels: what generated code calls. Each takes its parameters, then tensors as bare pointers:
// inputs, the output, and scratch memory where it wants some. Parameters are computed by
// host/engines/aot; nothing is checked here, since the host refuses what a kernel cannot do.
#pragma once

#include "convolution.h"
#include "elementwise.h"
#include "movement.h"
#include "reduction.h"
