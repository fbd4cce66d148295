// Text inside HTML: whatever a file or a flag is called, it is shown and never read as markup.
#pragma once

#include <string>
#include <string_view>

namespace cairn {

// Bytes that are not UTF-8 become U+FFFD, characters that mean something to HTML their names.
std::string EscapeHtml(std::string_view text);

}  // namespace cairn
