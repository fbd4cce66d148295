// Unicode's composed normal form (NFC), for the families whose tokenizers ask for it (Qwen).
#pragma once

#include <string>
#include <string_view>

namespace cairn {

// Where the first character stands that NFC might change, or npos. Cheap: most text has none.
size_t FirstUnsettledCharacter(std::string_view text);

// `text` in NFC, in time linear in its length. Invalid UTF-8 passes through as it is.
std::string ComposeNfc(std::string_view text);

}  // namespace cairn
