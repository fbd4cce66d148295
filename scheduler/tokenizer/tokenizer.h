// Text to tokens and back, as the model's own tokenizer does it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kvstore/base/ids.h"
#include "kvstore/base/vocabulary_data.h"
#include "scheduler/tokenizer/text_segment.h"

namespace cairn {

struct EncodeOptions {
  // Begin with the begin-of-sequence token and end with the end-of-sequence one, where the
  // vocabulary asks for them. A chat template writes its own: false for its output.
  bool add_bos = true;
  // Read control tokens such as <|im_start|> in the text. False for text that users wrote.
  bool parse_special = false;
};

// Where in a text an encoder stands, when the text comes in parts (see TextStream).
enum class TextPlace {
  kStart,
  kInside,           // between two characters that nothing joins
  kAfterAddedToken,  // right behind a control or user-defined token
};

// Immutable and safe for any number of threads. Encoding costs time linear in the text, whatever
// the text is; invalid UTF-8 is encoded byte by byte.
class Tokenizer {
 public:
  // InvalidArgument, naming what is wrong, if the vocabulary contradicts itself; Unimplemented,
  // naming it, if the model or the pre-tokenizer is not one we know.
  static absl::StatusOr<Tokenizer> Create(VocabularyData data);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  std::vector<TokenId> Encode(std::string_view text, EncodeOptions options = {}) const;
  // The segments as one text; control tokens are read only inside special segments. Neighbouring
  // special segments count as one.
  std::vector<TokenId> EncodeSegments(std::span<const TextSegment> segments, bool add_bos) const;
  // Appends the tokens of a part of a text and says where its end stands. Adds no begin or end
  // token.
  TextPlace EncodePart(std::string_view text, TextPlace place, bool parse_special,
                       std::vector<TokenId>& out) const;
  // The last place inside `text`, or 0, where it can be cut into parts whose tokens together are
  // the tokens of the whole, whatever may follow.
  size_t LastSafeCut(std::string_view text) const;

  // The inverse of Encode, as bytes: what the text was, except for control tokens (left out unless
  // asked for) and what the vocabulary cannot express. Tokens that do not exist are left out.
  std::string Decode(std::span<const TokenId> tokens, bool show_control = false) const;

  size_t size() const;
  bool Contains(TokenId token) const { return token >= 0 && static_cast<size_t>(token) < size(); }
  // The bytes of a token; of control tokens, their name. REQUIRES: Contains(token).
  std::string_view PieceOf(TokenId token) const;
  // The token with exactly these bytes: a control or user-defined one before an ordinary one.
  std::optional<TokenId> TokenOf(std::string_view piece) const;
  bool IsControl(TokenId token) const;      // REQUIRES: Contains(token)
  bool IsUserDefined(TokenId token) const;  // REQUIRES: Contains(token)
  // Tokens with which a model ends its turn, ascending.
  std::span<const TokenId> end_of_generation() const;
  bool IsEndOfGeneration(TokenId token) const;
  SpacePrefix space_prefix() const;

  std::optional<TokenId> bos() const;
  std::optional<TokenId> eos() const;
  std::optional<TokenId> eot() const;
  std::optional<TokenId> unk() const;
  std::optional<TokenId> pad() const;
  bool adds_bos() const;
  bool adds_eos() const;

 private:
  struct Parts;  // on the heap, so that its parts may point at one another
  explicit Tokenizer(std::unique_ptr<const Parts> parts);
  std::vector<TokenId> EncodeWhole(std::string_view text, std::span<const size_t> seams,
                                   bool add_bos) const;

  std::unique_ptr<const Parts> parts_;
};

}  // namespace cairn
