// Where RISC-V starts, in machine mode; a trap is a fault.
#ifdef __riscv

extern "C" __attribute__((naked, section(".vectors"), used)) void Entry() {
  asm volatile(
      "la sp, __stack_top\n"
      "la t0, Fault_Handler\n"
      "csrw mtvec, t0\n"
      "j Reset_Handler\n");
}

#endif
