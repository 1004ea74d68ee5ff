#include "config.h"

int levels(void) { return GAME_LEVELS; }
