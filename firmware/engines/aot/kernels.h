// The kernels: what generated code calls. Each takes its parameters, then tensors as bare pointers:
// inputs, the output, and scratch memory where it needs some. Parameters are computed by
// host/engines/aot; nothing is checked here, since the host refuses what a kernel cannot do.
#pragma once

#include "kernels/activations/activations.h"
#include "kernels/batch_matmul/batch_matmul.h"
#include "kernels/binary/binary.h"
#include "kernels/convolution/convolution.h"
#include "kernels/convolution/convolution_int16.h"
#include "kernels/movement/movement.h"
#include "kernels/quantize/quantize.h"
#include "kernels/recurrent/recurrent.h"
#include "kernels/reduction/reduction.h"
#include "kernels/upscaling/upscaling.h"
