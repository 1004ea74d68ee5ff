#pragma once

typedef struct {
  int pin;
} gpio_t;
