// Where the tool chain's start-up code ends. A port to a framework that brings its own main()
// leaves this file out (build_src_filter) and calls serve().
#include "flash_and_eval/core/serve.h"

int main() { serve(); }
