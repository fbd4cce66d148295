// Writing JSON as text, for hot paths that build no document.
#pragma once

#include <string>
#include <string_view>

namespace cairn {

bool IsUtf8(std::string_view text);
// Appends `text` as the inside of a JSON string (no quotes). Bytes that are not UTF-8 become
// U+FFFD.
void AppendJsonEscaped(std::string_view text, std::string& out);
// The same with quotes around it.
void AppendJsonString(std::string_view text, std::string& out);
std::string JsonString(std::string_view text);
// Appends [65,66,...]: the bytes as numbers, as OpenAI's logprobs carry them.
void AppendJsonBytes(std::string_view bytes, std::string& out);
// The shortest text that reads back as the same float; JSON has no infinities: clamped to +-9999.
void AppendJsonFloat(float value, std::string& out);

}  // namespace cairn
