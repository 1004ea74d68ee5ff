// What the library says: it goes to the host with a status that is not kOk.
#pragma once

namespace messages {

struct Kept {
  char text[320];
};

// Since the last call of clear(), as far as there is room.
const char* text();
void clear();

// Whether what comes next is not kept.
void ignore(bool ignored);

Kept keep();
void restore(const Kept& kept);

}  // namespace messages
