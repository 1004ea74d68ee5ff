#pragma once
#include "device.h"

gpio_t pin(int number);
