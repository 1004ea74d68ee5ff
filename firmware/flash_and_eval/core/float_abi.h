// How our own sources are compiled for floats, as a symbol that the host finds in the image: an ELF
// file's own attributes are those of a framework's libraries, too. For one source file.
#pragma once

#if defined(__SOFTFP__) || defined(__riscv_float_abi_soft)
#define FLOAT_ABI "soft"
#elif defined(__ARM_PCS_VFP) || defined(__riscv_flen)
#define FLOAT_ABI "hard"
#elif defined(__ARM_FP)
#define FLOAT_ABI "softfp"
#endif

#ifdef FLOAT_ABI
asm(".global flash_and_eval_float_abi_" FLOAT_ABI);
asm(".set flash_and_eval_float_abi_" FLOAT_ABI ", 0");
#endif
