// How a subcommand prints what it found.
#pragma once

namespace cairn {

enum class OutputFormat { kText, kJson };

}  // namespace cairn
