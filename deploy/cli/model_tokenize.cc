#include "deploy/cli/model_tokenize.h"

#include <charconv>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "deploy/cli/command_line.h"
#include "deploy/cli/model_catalog.h"
#include "scheduler/tokenizer/text_stream.h"
#include "scheduler/tokenizer/token_stream.h"
#include "worker/model/vocabulary_source.h"
#include "worker/model/weight_file.h"

namespace cairn {
namespace {

constexpr size_t kReadBytes = size_t{1} << 18;

struct TokenizeOptions {
  std::string model;
  std::string models_dir;
  OutputFormat format = OutputFormat::kText;
  bool no_bos = false;
  bool special = false;
};

absl::StatusOr<Tokenizer> OpenTokenizer(const TokenizeOptions& options) {
  const auto path = ResolveModel(options.model, options.models_dir);
  if (!path.ok()) return path.status();
  const auto file = OpenWeightFile(*path);
  if (!file.ok()) return file.status();
  absl::StatusOr<VocabularyData> data = ReadVocabulary(**file);
  if (!data.ok()) return data.status();
  absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Create(*std::move(data));
  if (tokenizer.ok()) return tokenizer;
  return absl::Status(tokenizer.status().code(),
                      absl::StrCat(path->string(), ": ", tokenizer.status().message()));
}

// Tokens as text, collected into large writes.
class TokenWriter {
 public:
  TokenWriter(OutputFormat format, std::ostream& out) : format_(format), out_(out) {}

  void Write(const std::vector<TokenId>& tokens) {
    for (const TokenId token : tokens) {
      if (format_ == OutputFormat::kJson) text_ += first_ ? "[" : ",";
      first_ = false;
      char digits[16];
      const auto end = std::to_chars(digits, digits + sizeof(digits), token).ptr;
      text_.append(digits, end);
      if (format_ == OutputFormat::kText) text_ += '\n';
    }
    if (text_.size() >= kReadBytes) Flush();
  }
  void Finish() {
    if (format_ == OutputFormat::kJson) text_ += first_ ? "[]\n" : "]\n";
    Flush();
    out_.flush();
  }

 private:
  void Flush() {
    out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
    text_.clear();
  }
  OutputFormat format_;
  std::ostream& out_;
  std::string text_;
  bool first_ = true;
};

absl::Status WriteError() { return absl::DataLossError("the output could not be written"); }

bool IsSeparator(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == ',' || c == '[' || c == ']';
}

}  // namespace

absl::Status TokenizeStream(const Tokenizer& tokenizer, EncodeOptions options, OutputFormat format,
                            std::istream& in, std::ostream& out) {
  TextStream stream(tokenizer, options);
  TokenWriter writer(format, out);
  std::string part(kReadBytes, '\0');
  while (in && out) {
    in.read(part.data(), static_cast<std::streamsize>(part.size()));
    const size_t n = static_cast<size_t>(in.gcount());
    if (n > 0) writer.Write(stream.Append(std::string_view(part).substr(0, n)));
  }
  if (in.bad()) return absl::DataLossError("the input could not be read");
  writer.Write(stream.Finish());
  writer.Finish();
  return out ? absl::OkStatus() : WriteError();
}

absl::Status DetokenizeStream(const Tokenizer& tokenizer, bool show_control, std::istream& in,
                              std::ostream& out) {
  TokenStream stream(tokenizer, {.show_control = show_control, .text_start = true});
  std::string part(kReadBytes, '\0');
  std::string text;
  int64_t number = -1;  // none begun
  uint64_t offset = 0;
  const auto finish_number = [&]() -> absl::Status {
    if (number < 0) return absl::OkStatus();
    if (number >= static_cast<int64_t>(tokenizer.size())) {
      return absl::InvalidArgumentError(absl::StrCat("input byte ", offset, ": the vocabulary has ",
                                                     tokenizer.size(), " tokens, so no token ",
                                                     number));
    }
    text += stream.NextBytes(static_cast<TokenId>(number));
    number = -1;
    return absl::OkStatus();
  };
  while (in && out) {
    in.read(part.data(), static_cast<std::streamsize>(part.size()));
    for (const char c : std::string_view(part).substr(0, static_cast<size_t>(in.gcount()))) {
      if (c >= '0' && c <= '9') {
        number = std::min<int64_t>((number < 0 ? 0 : number) * 10 + (c - '0'), 0xffffffffll);
      } else if (!IsSeparator(c)) {
        return absl::InvalidArgumentError(
            absl::StrCat("input byte ", offset, ": tokens are numbers from 0 to ",
                         tokenizer.size() - 1, " between spaces, newlines or commas"));
      } else if (absl::Status status = finish_number(); !status.ok()) {
        return status;
      }
      ++offset;
    }
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    text.clear();
  }
  if (in.bad()) return absl::DataLossError("the input could not be read");
  if (absl::Status status = finish_number(); !status.ok()) return status;
  out << text;
  out.flush();
  return out ? absl::OkStatus() : WriteError();
}

namespace {

CLI::App* AddStreamCommand(CLI::App& model, const char* name, const char* about,
                           TokenizeOptions& options) {
  CLI::App* command = model.add_subcommand(name, about);
  command->add_option("model", options.model, "a GGUF file, a safetensors folder, or a known name")
      ->required()
      ->type_name("MODEL");
  AddModelsDir(*command, options.models_dir);
  return command;
}

}  // namespace

void AddModelTokenize(CLI::App& model) {
  auto options = std::make_shared<TokenizeOptions>();
  CLI::App* command =
      AddStreamCommand(model, "tokenize", "text on standard input to tokens", *options);
  command->add_flag("--no-bos", options->no_bos, "no begin and end tokens around the text")
      ->configurable(false);
  command->add_flag("--special", options->special, "read control tokens in the text")
      ->configurable(false);
  AddOutputFormat(*command, options->format);
  OnRun(*command, [options]() -> absl::Status {
    const absl::StatusOr<Tokenizer> tokenizer = OpenTokenizer(*options);
    if (!tokenizer.ok()) return tokenizer.status();
    std::ios::sync_with_stdio(false);
    return TokenizeStream(*tokenizer,
                          {.add_bos = !options->no_bos, .parse_special = options->special},
                          options->format, std::cin, std::cout);
  });
}

void AddModelDetokenize(CLI::App& model) {
  auto options = std::make_shared<TokenizeOptions>();
  CLI::App* command =
      AddStreamCommand(model, "detokenize", "tokens on standard input to text", *options);
  command->add_flag("--special", options->special, "show control tokens by their names")
      ->configurable(false);
  OnRun(*command, [options]() -> absl::Status {
    const absl::StatusOr<Tokenizer> tokenizer = OpenTokenizer(*options);
    if (!tokenizer.ok()) return tokenizer.status();
    std::ios::sync_with_stdio(false);
    return DetokenizeStream(*tokenizer, options->special, std::cin, std::cout);
  });
}

}  // namespace cairn
