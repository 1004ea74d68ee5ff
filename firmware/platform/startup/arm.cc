// Where Cortex-M starts: its vector table.
#ifdef __arm__

#include <cstdint>

extern "C" {

extern uint32_t __stack_top[];
void Reset_Handler();
void Fault_Handler();
void Default_Handler();

using Vector = void (*)();

__attribute__((section(".vectors"), used)) const Vector g_vectors[16] = {
    reinterpret_cast<Vector>(__stack_top),
    Reset_Handler,
    Default_Handler,  // NMI
    Fault_Handler,    // HardFault
    Fault_Handler,    // MemManage
    Fault_Handler,    // BusFault
    Fault_Handler,    // UsageFault
    Fault_Handler,    // SecureFault
    nullptr,
    nullptr,
    nullptr,
    Default_Handler,  // SVCall
    Default_Handler,  // DebugMonitor
    nullptr,
    Default_Handler,  // PendSV
    Default_Handler,  // SysTick
};

}  // extern "C"

#endif
