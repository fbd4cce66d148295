#include "deploy/cli/served_text.h"

#include <chrono>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "scheduler/ingress/tokenizer_text.h"
#include "worker/model/chat_template_source.h"
#include "worker/model/vocabulary_source.h"

namespace cairn {
namespace {

using Template = std::shared_ptr<const ChatTemplate>;

// A template that cannot be used keeps the server from starting only if it was asked for.
absl::StatusOr<absl::StatusOr<Template>> LoadTemplate(const WeightFile& file,
                                                      const std::filesystem::path& replacement) {
  absl::StatusOr<std::string> source;
  if (replacement.empty()) {
    source = ReadChatTemplate(file);
  } else {
    std::ifstream in(replacement, std::ios::binary);
    source = std::string(std::istreambuf_iterator<char>(in), {});
    if (!in) return absl::NotFoundError(absl::StrCat("cannot read ", replacement.string()));
  }
  if (!source.ok()) {
    if (!absl::IsNotFound(source.status())) return source.status();
    return absl::StatusOr<Template>(
        absl::FailedPreconditionError("this model has no chat template: it is a base model; use "
                                      "/v1/completions, or start the server "
                                      "with --chat-template FILE"));
  }
  absl::StatusOr<ChatTemplate> parsed = ChatTemplate::Parse(*source);
  if (parsed.ok()) {
    return absl::StatusOr<Template>(std::make_shared<const ChatTemplate>(*std::move(parsed)));
  }
  const std::string message =
      absl::StrCat(replacement.empty() ? "the model's chat template" : replacement.string(), ": ",
                   parsed.status().message());
  if (!replacement.empty()) return absl::InvalidArgumentError(message);
  return absl::StatusOr<Template>(absl::FailedPreconditionError(
      absl::StrCat(message, "; start the server with --chat-template FILE to give another")));
}

}  // namespace

absl::StatusOr<ServedModel> LoadServedModel(const WeightFile& model,
                                            const std::filesystem::path& chat_template) {
  absl::StatusOr<VocabularyData> vocabulary = ReadVocabulary(model);
  if (!vocabulary.ok()) return vocabulary.status();
  absl::StatusOr<Tokenizer> made = Tokenizer::Create(*std::move(vocabulary));
  if (!made.ok()) return made.status();
  const auto tokenizer = std::make_shared<const Tokenizer>(*std::move(made));
  absl::StatusOr<absl::StatusOr<Template>> chat = LoadTemplate(model, chat_template);
  if (!chat.ok()) return chat.status();
  ServedModel served;
  const bool folder = model.kind() == WeightFileKind::kSafetensors;  // may be called "Qwen2.5"
  served.name = (folder ? model.path().filename() : model.path().stem()).string();
  served.created_unix_seconds = std::chrono::duration_cast<std::chrono::seconds>(
                                    std::chrono::system_clock::now().time_since_epoch())
                                    .count();
  const auto ends = tokenizer->end_of_generation();
  served.stop_tokens.assign(ends.begin(), ends.end());
  served.text = MakeTokenizerText(tokenizer, *std::move(chat));
  return served;
}

}  // namespace cairn
