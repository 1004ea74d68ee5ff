// The whole program of a device.
#pragma once

// Makes board and engine ready, then answers the host for ever.
[[noreturn]] void serve();
