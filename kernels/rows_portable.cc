// Row kernels for any x86-64 (and any other CPU).
#include "kernels/row_kernels.h"

namespace cairn::level_portable {

#include "kernels/lanes_portable.inc"

#include "kernels/rows_body.inc"

}  // namespace cairn::level_portable
