// The chip: as much of QEMU's mps2-an386 as the port needs, which is a UART and a timer.
#include "Arduino.h"

extern "C" {
extern void (*__init_array_start[])();
extern void (*__init_array_end[])();
extern uint32_t __stack_top[];
void Reset_Handler();
}

SerialPort Serial;
uint32_t SystemCoreClock = 25000000;

static volatile uint32_t& reg(uint32_t address) {
  return *reinterpret_cast<volatile uint32_t*>(address);
}

static const uint32_t kUartData = 0x40004000, kUartState = 0x40004004, kUartControl = 0x40004008;
static const uint32_t kUartDivider = 0x40004010;
static const uint32_t kTimerControl = 0x40000000, kTimerValue = 0x40000004;
static const uint32_t kTimerReload = 0x40000008;

void SerialPort::begin(unsigned long baud) {
  reg(kUartDivider) = SystemCoreClock / baud;
  reg(kUartControl) = 3;
}

int SerialPort::available() { return (reg(kUartState) & 2) != 0 ? 1 : 0; }

int SerialPort::read() { return static_cast<int>(reg(kUartData) & 0xff); }

size_t SerialPort::write(const uint8_t* data, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    while ((reg(kUartState) & 1) != 0) {
    }
    reg(kUartData) = data[i];
  }
  return size;
}

void yield() {}

unsigned long micros() { return (0xffffffffu - reg(kTimerValue)) / (SystemCoreClock / 1000000); }

void Reset_Handler() {
  reg(kTimerReload) = reg(kTimerValue) = 0xffffffffu;
  reg(kTimerControl) = 1;
  for (auto* init = __init_array_start; init < __init_array_end; ++init) (*init)();
  setup();
  for (;;) loop();
}

static void fault() {
  for (;;) {
  }
}

typedef void (*Vector)();
extern "C" __attribute__((section(".vectors"), used)) const Vector g_vectors[7] = {
    reinterpret_cast<Vector>(__stack_top), Reset_Handler, fault, fault, fault, fault, fault};
