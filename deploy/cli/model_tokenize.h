// `cairn model tokenize MODEL` and `cairn model detokenize MODEL`: text on standard input to tokens
// on standard output, and back. Texts of any size pass through in little memory.
#pragma once

#include <CLI/CLI.hpp>
#include <istream>
#include <ostream>

#include "absl/status/status.h"
#include "deploy/cli/options.h"
#include "scheduler/tokenizer/tokenizer.h"

namespace cairn {

void AddModelTokenize(CLI::App& model);
void AddModelDetokenize(CLI::App& model);

// Writes the text's tokens: one a line, or as a JSON list.
absl::Status TokenizeStream(const Tokenizer& tokenizer, EncodeOptions options, OutputFormat format,
                            std::istream& in, std::ostream& out);

// Reads numbers between spaces, newlines, commas and brackets, and writes the bytes that the tokens
// stand for. INVALID_ARGUMENT, with the place, for anything else and for a token that does not
// exist.
absl::Status DetokenizeStream(const Tokenizer& tokenizer, bool show_control, std::istream& in,
                              std::ostream& out);

}  // namespace cairn
