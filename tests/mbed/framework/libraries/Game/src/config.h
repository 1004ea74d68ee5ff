#pragma once
#define GAME_LEVELS 9
