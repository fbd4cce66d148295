#include "scheduler/tokenizer/byte_pair.h"

#include "scheduler/tokenizer/character_class.h"
#include "scheduler/tokenizer/normal_form.h"

namespace cairn {

BytePair::BytePair(const Vocabulary& vocabulary, const MergeTable& table, Options options)
    : vocabulary_(vocabulary), merge_(table), options_(options) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    byte_symbol_[static_cast<size_t>(byte)] =
        vocabulary.MergeableOf(std::string_view(&c, 1)).value_or(-1);
  }
}

void BytePair::Encode(std::string_view text, EncodeScratch& scratch,
                      std::vector<TokenId>& out) const {
  if (options_.compose && FirstUnsettledCharacter(text) != std::string_view::npos) {
    EncodeWords(ComposeNfc(text), scratch, out);
  } else {
    EncodeWords(text, scratch, out);
  }
}

void BytePair::EncodeWords(std::string_view text, EncodeScratch& scratch,
                           std::vector<TokenId>& out) const {
  const CharacterClasses& classes = CharacterClasses::Get();
  const char* end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    const char* word_end = WordEnd(options_.pattern, classes, at, end);
    const std::string_view word(at, static_cast<size_t>(word_end - at));
    at = word_end;
    if (word.size() > WordCache::kWordBytesMax) {
      EncodeWord(word, scratch, out);
      continue;
    }
    WordCache::Entry& entry = scratch.cache.PlaceOf(word);
    if (WordCache::Holds(entry, word)) {
      out.insert(out.end(), entry.ids, entry.ids + entry.tokens);
      continue;
    }
    const size_t before = out.size();
    EncodeWord(word, scratch, out);
    WordCache::Fill(entry, word, std::span(out).subspan(before));
  }
}

void BytePair::EncodeWord(std::string_view word, EncodeScratch& scratch,
                          std::vector<TokenId>& out) const {
  if (options_.ignore_merges && word.size() <= vocabulary_.mergeable_bytes_max()) {
    if (const std::optional<TokenId> token = vocabulary_.MergeableOf(word)) {
      out.push_back(*token);
      return;
    }
  }
  scratch.symbols.clear();
  for (const char c : word) {
    const TokenId symbol = byte_symbol_[static_cast<uint8_t>(c)];
    if (symbol >= 0) scratch.symbols.push_back(symbol);
  }
  merge_.Run(scratch.symbols, scratch.merge, out);
}

}  // namespace cairn
