#include "Arduino.h"

void initVariant() {}
