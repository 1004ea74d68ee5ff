// The kernels: what generated code calls. Each takes its parameters, then tensors as bare pointers:
// inputs, the output, and scratch memory where it wants some. Parameters are computed by
// host/engines/aot; nothing is checked here, since the host refuses what a kernel cannot do.
#pragma once

#include "batch_matmul.h"
#include "binary.h"
#include "convolution.h"
#include "convolution_int16.h"
#include "lookup.h"
#include "movement.h"
#include "quantize.h"
#include "recurrent.h"
#include "reduction.h"
#include "tables_int16.h"
#include "upscaling.h"
