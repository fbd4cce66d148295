// Python's string operations on texts that remember their origin.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "scheduler/tokenizer/jinja_text.h"

namespace cairn::jinja {

Text Upper(const Text& text);
Text Lower(const Text& text);
Text Capitalize(const Text& text);
// str.title(): a letter after anything but a letter is a capital.
Text TitleMethod(const Text& text);
// Jinja's title filter: words begin after white space and - ( { [ <.
Text TitleFilter(const Text& text);
// `characters` null: white space.
Text Strip(const Text& text, const std::string* characters, bool front, bool back);
// At most `count` replacements; all if negative.
Text Replace(const Text& text, std::string_view old, const Text& replacement, int64_t count);
// `separator` empty: at runs of white space. At most `count` cuts, from the end if `from_back`; all
// if negative.
std::vector<Text> Split(const Text& text, std::string_view separator, int64_t count,
                        bool from_back);
std::vector<Text> SplitLines(const Text& text, bool keep_ends);
// For HTML.
Text Escape(const Text& text);
Text Center(const Text& text, int64_t width);
Text Indent(const Text& text, const Text& indention, bool first, bool blank);

}  // namespace cairn::jinja
