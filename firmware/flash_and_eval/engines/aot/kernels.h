// The kernels: what generated code calls. Each takes its parameters, then tensors as bare pointers:
// inputs, the output, and scratch memory where it needs some. Parameters are computed by
// host/engines/aot; nothing is checked here, since the host refuses what a kernel cannot do.
#pragma once

#include "flash_and_eval/engines/aot/kernels/activations/activations.h"
#include "flash_and_eval/engines/aot/kernels/batch_matmul/batch_matmul.h"
#include "flash_and_eval/engines/aot/kernels/binary/binary.h"
#include "flash_and_eval/engines/aot/kernels/convolution/convolution.h"
#include "flash_and_eval/engines/aot/kernels/convolution/convolution_int16.h"
#include "flash_and_eval/engines/aot/kernels/movement/movement.h"
#include "flash_and_eval/engines/aot/kernels/quantize/quantize.h"
#include "flash_and_eval/engines/aot/kernels/recurrent/recurrent.h"
#include "flash_and_eval/engines/aot/kernels/reduction/reduction.h"
#include "flash_and_eval/engines/aot/kernels/upscaling/upscaling.h"
