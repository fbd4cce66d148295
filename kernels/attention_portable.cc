// Attention for any x86-64 (and any other CPU).
#include "kernels/attention_tile.h"

namespace cairn::level_portable {

#include "kernels/lanes_portable.inc"

#include "kernels/attention_body.inc"

}  // namespace cairn::level_portable
