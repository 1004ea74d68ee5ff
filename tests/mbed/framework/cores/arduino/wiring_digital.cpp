// Wants mbed's device.h, by the core's list of includes.
#include "Arduino.h"
#include "hal/gpio_api.h"

gpio_t pin(int number) {
  gpio_t gpio = {number};
  return gpio;
}
