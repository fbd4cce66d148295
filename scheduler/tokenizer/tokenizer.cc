#include "scheduler/tokenizer/tokenizer.h"

#include <algorithm>
#include <array>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "kvstore/base/check.h"
#include "scheduler/tokenizer/added_tokens.h"
#include "scheduler/tokenizer/byte_pair.h"
#include "scheduler/tokenizer/character_class.h"
#include "scheduler/tokenizer/merge_table.h"
#include "scheduler/tokenizer/pre_tokenizer.h"
#include "scheduler/tokenizer/sentence_piece.h"
#include "scheduler/tokenizer/utf8.h"
#include "scheduler/tokenizer/vocabulary.h"

namespace cairn {
namespace {

// Control tokens that end a turn in the families we serve, whatever the file names as eos.
constexpr std::string_view kEndNames[] = {
    "<|im_end|>",           "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>",
    "<end_of_turn>",        "<eos>",         "</s>",       "<|end|>",    "<EOT>",
    "<｜end▁of▁sentence｜>"};

absl::Status CheckId(const char* what, std::optional<TokenId> token, size_t size) {
  if (!token || (*token >= 0 && static_cast<size_t>(*token) < size)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the vocabulary's ", what, " token is ", *token,
                                                 ", but it has ", size, " tokens"));
}

absl::Status CheckIds(const VocabularyData& data) {
  const std::pair<const char*, std::optional<TokenId>> ids[] = {{"bos", data.bos},
                                                                {"eos", data.eos},
                                                                {"eot", data.eot},
                                                                {"unk", data.unk},
                                                                {"pad", data.pad}};
  for (const auto& [what, id] : ids) {
    if (absl::Status status = CheckId(what, id, data.tokens.size()); !status.ok()) return status;
  }
  for (const TokenId id : data.end_of_generation) {
    absl::Status status = CheckId("end of generation", id, data.tokens.size());
    if (!status.ok()) return status;
  }
  if (data.add_bos == true && !data.bos) {
    return absl::InvalidArgumentError("the vocabulary asks for a bos token but names none");
  }
  if (data.add_eos == true && !data.eos) {
    return absl::InvalidArgumentError("the vocabulary asks for an eos token but names none");
  }
  return absl::OkStatus();
}

absl::StatusOr<TokenizerModel> ModelOf(const VocabularyData& data) {
  if (data.model == "gpt2") return TokenizerModel::kBytePair;
  if (data.model == "llama") return TokenizerModel::kSentencePiece;
  return absl::UnimplementedError(
      absl::StrCat("the tokenizer model \"", absl::CHexEscape(data.model),
                   "\" is not supported; \"gpt2\" (byte-level BPE) and \"llama\" (SentencePiece "
                   "with merges) are"));
}

std::vector<TokenId> EndOfGeneration(const VocabularyData& data, const AddedTokens& added) {
  std::vector<TokenId> ends = data.end_of_generation;
  if (data.eos) ends.push_back(*data.eos);
  if (data.eot) ends.push_back(*data.eot);
  for (const std::string_view name : kEndNames) {
    const TokenId token = added.Exactly(name);
    // Gemma has the HTML tag </s> as a user-defined token: only control tokens end a turn by name.
    if (token < 0 || data.types.empty()) continue;
    if (data.types[static_cast<size_t>(token)] == TokenType::kControl) ends.push_back(token);
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  return ends;
}

}  // namespace

struct Tokenizer::Parts {
  TokenizerModel model;
  Vocabulary vocabulary;
  AddedTokens added;
  MergeTable merges;
  std::optional<BytePair> byte_pair;
  std::optional<SentencePiece> sentence_piece;
  std::vector<TokenId> ends;
  std::optional<TokenId> bos, eos, eot, unk, pad;
  bool add_bos = false;
  bool add_eos = false;
  SpacePrefix space_prefix = SpacePrefix::kNever;

  Parts(TokenizerModel m, Vocabulary v, MergeTable t, const VocabularyData& data)
      : model(m), vocabulary(std::move(v)), added(vocabulary, data), merges(std::move(t)) {}

  void SetFamily(const VocabularyData& data, const PreTokenizerFamily* family);
  void EncodeFragment(std::string_view text, TextPlace place, EncodeScratch& scratch,
                      std::vector<TokenId>& out) const;
  TextPlace EncodeSpan(std::string_view text, TextPlace place, std::span<const size_t> seams,
                       EncodeScratch& scratch, std::vector<TokenId>& out) const;
};

void Tokenizer::Parts::SetFamily(const VocabularyData& data, const PreTokenizerFamily* family) {
  bos = data.bos;
  eos = data.eos;
  eot = data.eot;
  unk = data.unk;
  pad = data.pad;
  ends = EndOfGeneration(data, added);
  add_eos = data.add_eos.value_or(false);
  if (model == TokenizerModel::kBytePair) {
    add_bos = data.add_bos.value_or(family->add_bos && data.bos.has_value());
    const TextNormalForm form = data.normal_form.value_or(family->normal_form);
    byte_pair.emplace(
        vocabulary, merges,
        BytePair::Options{.pattern = family->pattern,
                          .ignore_merges = data.ignore_merges.value_or(family->ignore_merges),
                          .compose = form == TextNormalForm::kNfc});
  } else {
    add_bos = data.add_bos.value_or(data.bos.has_value());
    space_prefix = data.space_prefix.value_or(SpacePrefix::kEveryFragment);
    sentence_piece.emplace(vocabulary, merges, data.unk);
  }
}

absl::StatusOr<Tokenizer> Tokenizer::Create(VocabularyData data) {
  absl::StatusOr<TokenizerModel> model = ModelOf(data);
  if (!model.ok()) return model.status();
  const PreTokenizerFamily* family = nullptr;
  if (*model == TokenizerModel::kBytePair) {
    family = FindPreTokenizerFamily(data.pre);
    if (family == nullptr) {
      return absl::UnimplementedError(
          absl::StrCat("the pre-tokenizer \"", absl::CHexEscape(data.pre),
                       "\" is not supported: text would be cut into other words than the model was "
                       "trained on"));
    }
  }
  if (absl::Status status = CheckIds(data); !status.ok()) return status;
  absl::StatusOr<Vocabulary> vocabulary = Vocabulary::Create(*model, data);
  if (!vocabulary.ok()) return vocabulary.status();
  absl::StatusOr<MergeTable> merges =
      *model == TokenizerModel::kSentencePiece && data.merges.empty()
          ? MergeTable::FromScores(*vocabulary, data)
          : MergeTable::FromMerges(*vocabulary, *model, data.merges);
  if (!merges.ok()) return merges.status();
  auto parts = std::make_unique<Parts>(*model, *std::move(vocabulary), *std::move(merges), data);
  parts->SetFamily(data, family);
  return Tokenizer(std::move(parts));
}

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

void Tokenizer::Parts::EncodeFragment(std::string_view text, TextPlace place,
                                      EncodeScratch& scratch, std::vector<TokenId>& out) const {
  if (byte_pair) return byte_pair->Encode(text, scratch, out);
  const bool space_before =
      (place == TextPlace::kStart && space_prefix != SpacePrefix::kNever) ||
      (place == TextPlace::kAfterAddedToken && space_prefix == SpacePrefix::kEveryFragment);
  sentence_piece->Encode(text, space_before, scratch, out);
}

// `seams` are the special spans of the text: begin, end, begin, end, ..., ascending.
TextPlace Tokenizer::Parts::EncodeSpan(std::string_view text, TextPlace place,
                                       std::span<const size_t> seams, EncodeScratch& scratch,
                                       std::vector<TokenId>& out) const {
  size_t at = 0;      // up to here everything is encoded
  size_t search = 0;  // up to here no added token begins
  while (at < text.size()) {
    while (!seams.empty() && seams[1] <= search) seams = seams.subspan(2);
    // One special span at a time: the search stops where it ends, and goes on with the next.
    const size_t control_begin = seams.empty() ? text.size() : seams[0];
    const size_t control_end = seams.empty() ? text.size() : seams[1];
    const AddedTokens::Match match = added.FindNext(text, search, control_begin, control_end);
    if (match.token < 0 && control_end < text.size()) {
      search = control_end;
      continue;
    }
    if (match.begin > at) {
      EncodeFragment(text.substr(at, match.begin - at), place, scratch, out);
      place = TextPlace::kInside;
    }
    if (match.token >= 0) {
      out.push_back(match.token);
      place = TextPlace::kAfterAddedToken;
    }
    at = search = match.end;
  }
  return place;
}

std::vector<TokenId> Tokenizer::EncodeWhole(std::string_view text, std::span<const size_t> seams,
                                            bool add_bos) const {
  std::vector<TokenId> out;
  out.reserve(text.size() / 3 + 2);
  if (add_bos && parts_->add_bos) out.push_back(*parts_->bos);
  EncodeScratch scratch(text.size());
  parts_->EncodeSpan(text, TextPlace::kStart, seams, scratch, out);
  if (add_bos && parts_->add_eos) out.push_back(*parts_->eos);
  return out;
}

std::vector<TokenId> Tokenizer::Encode(std::string_view text, EncodeOptions options) const {
  const size_t whole[] = {0, text.size()};
  return EncodeWhole(
      text, options.parse_special ? std::span<const size_t>(whole) : std::span<const size_t>(),
      options.add_bos);
}

std::vector<TokenId> Tokenizer::EncodeSegments(std::span<const TextSegment> segments,
                                               bool add_bos) const {
  std::string text;
  std::vector<size_t> seams;
  for (const TextSegment& segment : segments) {
    if (segment.special && !segment.text.empty()) {
      if (!seams.empty() && seams.back() == text.size()) {
        seams.back() += segment.text.size();
      } else {
        seams.push_back(text.size());
        seams.push_back(text.size() + segment.text.size());
      }
    }
    text += segment.text;
  }
  return EncodeWhole(text, seams, add_bos);
}

TextPlace Tokenizer::EncodePart(std::string_view text, TextPlace place, bool parse_special,
                                std::vector<TokenId>& out) const {
  const size_t whole[] = {0, text.size()};
  EncodeScratch scratch(text.size());
  return parts_->EncodeSpan(
      text, place, parse_special ? std::span<const size_t>(whole) : std::span<const size_t>(),
      scratch, out);
}

size_t Tokenizer::LastSafeCut(std::string_view text) const {
  const CharacterClasses& classes = CharacterClasses::Get();
  for (size_t cut = text.size(); cut-- > 1;) {
    const uint8_t before = static_cast<uint8_t>(text[cut - 1]);
    const uint8_t after = static_cast<uint8_t>(text[cut]);
    if ((after & 0xc0) == 0x80 || parts_->added.MayStraddle(before, after)) continue;
    if (parts_->sentence_piece) {
      if (!parts_->sentence_piece->MayJoin(before, after)) return cut;
      continue;
    }
    // Every pattern we know ends a word between a character that is no space and a space, and
    // begins the next one without looking back.
    if (after != ' ') continue;
    const Utf8Char c = DecodeUtf8Before(text.data(), text.data() + cut);
    if (c.code != kInvalidCodePoint && !(classes.Of(c.code) & kSpaceClass)) return cut;
  }
  return 0;
}

std::string Tokenizer::Decode(std::span<const TokenId> tokens, bool show_control) const {
  std::string out;
  bool strip = parts_->space_prefix != SpacePrefix::kNever;
  for (const TokenId token : tokens) {
    if (!Contains(token)) continue;
    const bool control = IsControl(token);
    std::string_view piece = parts_->vocabulary.PieceOf(token);
    if (parts_->vocabulary.IsAdded(token)) {
      if (!control || show_control) out.append(piece);
      // The space that Encode put behind an added token goes again.
      if (parts_->space_prefix == SpacePrefix::kEveryFragment) strip = true;
      continue;
    }
    if (strip && !piece.empty() && piece[0] == ' ') piece.remove_prefix(1);
    strip = false;
    out.append(piece);
  }
  return out;
}

size_t Tokenizer::size() const { return parts_->vocabulary.size(); }

std::string_view Tokenizer::PieceOf(TokenId token) const {
  CAIRN_CHECK(Contains(token));
  return parts_->vocabulary.PieceOf(token);
}

std::optional<TokenId> Tokenizer::TokenOf(std::string_view piece) const {
  const TokenId added = parts_->added.Exactly(piece);
  return added >= 0 ? std::optional<TokenId>(added) : parts_->vocabulary.MergeableOf(piece);
}

bool Tokenizer::IsControl(TokenId token) const {
  CAIRN_CHECK(Contains(token));
  return parts_->vocabulary.IsAdded(token) && !IsUserDefined(token);
}

bool Tokenizer::IsUserDefined(TokenId token) const {
  CAIRN_CHECK(Contains(token));
  return parts_->vocabulary.TypeOf(token) == TokenType::kUserDefined;
}

std::span<const TokenId> Tokenizer::end_of_generation() const { return parts_->ends; }
bool Tokenizer::IsEndOfGeneration(TokenId token) const {
  return std::binary_search(parts_->ends.begin(), parts_->ends.end(), token);
}
SpacePrefix Tokenizer::space_prefix() const { return parts_->space_prefix; }
std::optional<TokenId> Tokenizer::bos() const { return parts_->bos; }
std::optional<TokenId> Tokenizer::eos() const { return parts_->eos; }
std::optional<TokenId> Tokenizer::eot() const { return parts_->eot; }
std::optional<TokenId> Tokenizer::unk() const { return parts_->unk; }
std::optional<TokenId> Tokenizer::pad() const { return parts_->pad; }
bool Tokenizer::adds_bos() const { return parts_->add_bos; }
bool Tokenizer::adds_eos() const { return parts_->add_eos; }

}  // namespace cairn
