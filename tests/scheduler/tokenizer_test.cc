#include "scheduler/tokenizer/tokenizer.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "kvstore/base/prng.h"
#include "scheduler/tokenizer/character_class.h"
#include "scheduler/tokenizer/merge_table.h"
#include "scheduler/tokenizer/normal_form.h"
#include "scheduler/tokenizer/pair_merge.h"
#include "scheduler/tokenizer/pre_tokenizer.h"
#include "scheduler/tokenizer/text_stream.h"
#include "tests/support/small_vocabulary.h"
#include "tests/support/test_models.h"
#include "worker/model/vocabulary_source.h"

namespace cairn {
namespace {

using Ids = std::vector<TokenId>;

Tokenizer Make(VocabularyData data) {
  absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Create(std::move(data));
  INFO(tokenizer.status());
  REQUIRE(tokenizer.ok());
  return *std::move(tokenizer);
}

Tokenizer SmallSmolLm() {
  return Make(SmallBytePair("smollm", {"a b", "ab ab", "Ġ ab", "Ġ Ġ", "b c", "ab c"}));
}

Tokenizer SmallGemma() {
  VocabularyData data = SmallSentencePiece({"\xe2\x96\x81", "a", "b", "c", "ab",
                                            "\xe2\x96\x81"
                                            "ab",
                                            "abab", "bc", "\xe2\x96\x81\xe2\x96\x81", "é"});
  data.space_prefix = SpacePrefix::kNever;
  return Make(std::move(data));
}

std::string RandomText(Prng& prng, size_t parts) {
  static const std::string kParts[] = {
      "a",  "b",     "c",  "ab",      " ",      "  ",   "\n",   "1",         "23",           "é",
      "日", "😀",     "'s", "<|end|>", "<tool>", "\xff", "\xe2", "e\xcc\x81", "\xe2\x96\x81", ".",
      "\t", "ababab"};
  std::string text;
  for (size_t i = 0; i < parts; ++i) text += kParts[prng.Below(std::size(kParts))];
  return text;
}

TEST_CASE("merges happen in the order of their ranks, not from the left") {
  const Tokenizer tokenizer = SmallSmolLm();
  const Ids ids = tokenizer.Encode("ababc abc");
  // "ababc": ab ab c, then abab c. " abc": Ġ ab c, then " ab" before "abc".
  CHECK(ids == Ids{*tokenizer.TokenOf("abab"), *tokenizer.TokenOf("c"), *tokenizer.TokenOf(" ab"),
                   *tokenizer.TokenOf("c")});
}

TEST_CASE("control tokens in a text stay text unless asked for; user-defined ones always match") {
  const Tokenizer tokenizer = SmallSmolLm();
  const Ids plain = tokenizer.Encode("<|end|><tool>");
  CHECK(plain.size() == 8);
  CHECK(plain.back() == 2);
  CHECK(tokenizer.Decode(plain) == "<|end|><tool>");
  CHECK(tokenizer.Encode("<|end|><tool>", {.parse_special = true}) == Ids{0, 2});
}

TEST_CASE("a prompt's segments are one text, but only the template's speak in control tokens") {
  const Tokenizer tokenizer = SmallSmolLm();
  const TokenId ab = *tokenizer.TokenOf("ab");
  const TextSegment segments[] = {{"<|start|>a", true}, {"b<|end|", false}, {">", true},
                                  {"a", false},         {"b", false},       {"<|end|>", true}};
  const Ids ids = tokenizer.EncodeSegments(segments, /*add_bos=*/false);
  CHECK(ids.front() == 1);
  CHECK(ids[1] == ab);  // the merge crosses the seam
  CHECK(ids.back() == 0);
  CHECK(ids[ids.size() - 2] == ab);
  CHECK(std::count(ids.begin(), ids.end(), 0) == 1);  // the user's did not become one
}

TEST_CASE("what is encoded decodes to the same bytes, whatever the bytes") {
  const Tokenizer byte_pair = SmallSmolLm();
  const Tokenizer sentence_piece = SmallGemma();
  Prng prng(11);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = RandomText(prng, 1 + prng.Below(30));
    CAPTURE(text);
    REQUIRE(byte_pair.Decode(byte_pair.Encode(text)) == text);
    std::string with_spaces = text;  // U+2581 is a space to this family
    for (size_t at; (at = with_spaces.find("\xe2\x96\x81")) != std::string::npos;) {
      with_spaces.replace(at, 3, " ");
    }
    REQUIRE(sentence_piece.Decode(sentence_piece.Encode(text)) == with_spaces);
  }
}

TEST_CASE("a text in parts of any size becomes the tokens of the whole") {
  const Tokenizer tokenizers[] = {SmallSmolLm(), SmallGemma(),
                                  Make(SmallBytePair("llama-bpe", {"a b", "Ġ ab"})),
                                  Make(SmallSentencePiece({"\xe2\x96\x81", "a", "b", "ab"}))};
  Prng prng(5);
  for (const Tokenizer& tokenizer : tokenizers) {
    for (int i = 0; i < 300; ++i) {
      const std::string text = RandomText(prng, 40);
      for (const bool special : {false, true}) {
        const EncodeOptions options{.add_bos = true, .parse_special = special};
        const Ids whole = tokenizer.Encode(text, options);
        const size_t cut = tokenizer.LastSafeCut(text);
        Ids parts;
        if (tokenizer.adds_bos()) parts.push_back(*tokenizer.bos());
        const TextPlace place =
            tokenizer.EncodePart(text.substr(0, cut), TextPlace::kStart, special, parts);
        tokenizer.EncodePart(text.substr(cut), place, special, parts);
        CAPTURE(text, cut);
        REQUIRE(parts == whole);
        TextStream stream(tokenizer, options);
        Ids streamed = stream.Append(text);
        const Ids rest = stream.Finish();
        streamed.insert(streamed.end(), rest.begin(), rest.end());
        REQUIRE(streamed == whole);
      }
    }
  }
}

TEST_CASE("a long text streams as it encodes, and a text with no place to cut does too") {
  const Tokenizer tokenizer = SmallSmolLm();
  Prng prng(3);
  for (const bool spaces : {true, false}) {
    std::string text;
    while (text.size() < 1'000'000) {
      text += std::string(1 + prng.Below(9), static_cast<char>('a' + prng.Below(3)));
      if (spaces) text += ' ';
    }
    TextStream stream(tokenizer, {});
    Ids streamed;
    for (size_t at = 0; at < text.size(); at += 70'001) {
      for (const TokenId id : stream.Append(text.substr(at, 70'001))) streamed.push_back(id);
    }
    for (const TokenId id : stream.Finish()) streamed.push_back(id);
    REQUIRE(streamed == tokenizer.Encode(text));
  }
}

TEST_CASE("windows of a long word give what one pass over the whole word gives") {
  // The oracle: merge the best pair, leftmost first, until none is left.
  const auto oracle = [](const MergeTable& table, Ids ids) {
    while (true) {
      size_t best = 0;
      uint32_t rank = Merge::kNever;
      for (size_t i = 0; i + 1 < ids.size(); ++i) {
        const Merge merge = table.Find(ids[i], ids[i + 1]);
        if (merge.rank < rank) {
          rank = merge.rank;
          best = i;
        }
      }
      if (rank == Merge::kNever) return ids;
      ids[best] = table.Find(ids[best], ids[best + 1]).token;
      ids.erase(ids.begin() + static_cast<long>(best) + 1);
    }
  };
  Prng prng(17);
  for (int round = 0; round < 40; ++round) {
    // Random merges over three letters: the ranks of longer tokens may be better than their parts'.
    std::vector<std::string> texts = {"a", "b", "c"};
    std::vector<std::string> merges;
    while (merges.size() < 25) {
      const std::string left = texts[prng.Below(texts.size())];
      const std::string right = texts[prng.Below(texts.size())];
      if (left.size() + right.size() > 12) continue;
      if (std::find(texts.begin(), texts.end(), left + right) != texts.end()) continue;
      merges.push_back(left + " " + right);
      texts.push_back(left + right);
    }
    VocabularyData data = SmallBytePair("gpt-2", merges);
    for (size_t i = merges.size(); i > 1; --i)
      std::swap(data.merges[i - 1], data.merges[prng.Below(i)]);
    const auto vocabulary = Vocabulary::Create(TokenizerModel::kBytePair, data);
    REQUIRE(vocabulary.ok());
    const auto table = MergeTable::FromMerges(*vocabulary, TokenizerModel::kBytePair, data.merges);
    REQUIRE(table.ok());
    Ids symbols;
    const size_t size = round % 4 == 0 ? 9000 : 1 + prng.Below(60);
    const uint64_t letters = 1 + prng.Below(3);
    for (size_t i = 0; i < size; ++i)
      symbols.push_back(3 + 'a' + static_cast<int>(prng.Below(letters)));
    MergeScratch scratch;
    Ids merged;
    PairMerge(*table).Run(symbols, scratch, merged);
    REQUIRE(merged == oracle(*table, symbols));
  }
}

TEST_CASE("a SentencePiece vocabulary puts its space before a text and takes it off again") {
  const Tokenizer tokenizer = Make(SmallSentencePiece({"\xe2\x96\x81", "a",
                                                       "\xe2\x96\x81"
                                                       "a"}));
  CHECK(tokenizer.Encode("a") == Ids{1, *tokenizer.TokenOf(" a")});
  CHECK(tokenizer.Encode("") == Ids{1});
  CHECK(tokenizer.Decode(tokenizer.Encode("a a")) == "a a");
  CHECK(tokenizer.Decode(tokenizer.Encode(" a")) == " a");
  // A character that is no token becomes its bytes.
  CHECK(tokenizer.Encode("é", {.add_bos = false}) ==
        Ids{*tokenizer.TokenOf(" "), 3 + 0xc3, 3 + 0xa9});
}

TEST_CASE("a vocabulary that contradicts itself is refused with the reason") {
  const auto refuses = [](VocabularyData data, const std::string& reason) {
    const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Create(std::move(data));
    REQUIRE_FALSE(tokenizer.ok());
    CHECK_THAT(std::string(tokenizer.status().message()), Catch::Contains(reason));
  };
  VocabularyData data = SmallBytePair("smollm", {"a b"});
  data.pre = "martian";
  refuses(data, "\"martian\"");
  data.pre = "smollm";
  data.model = "wordpiece";
  refuses(data, "\"wordpiece\"");
  data.model = "gpt2";
  data.merges = {"a b", "ab nope"};
  refuses(data, "merge 1");
  data.merges = {"ab"};
  refuses(data, "merge 0");
  data.merges.clear();
  data.eos = 100000;
  refuses(data, "eos token is 100000");
  data.eos = -7;
  refuses(data, "eos token is -7");
  data.eos = 0;
  data.types.pop_back();
  refuses(data, "token types");
  data.types.push_back(static_cast<TokenType>(9));
  refuses(data, "unknown type 9");
  VocabularyData pieces = SmallSentencePiece({"a"});
  pieces.scores.pop_back();
  refuses(pieces, "scores");
  pieces.scores.push_back(std::nanf(""));
  refuses(pieces, "not a number");
  pieces = SmallSentencePiece({"a"});
  pieces.tokens[5] = "<0xZZ>";
  refuses(pieces, "token 5");
  refuses(VocabularyData{.model = "gpt2", .pre = "smollm"}, "no tokens");
}

TEST_CASE("the tokens that end a turn are known by the file's word and by name") {
  const Tokenizer tokenizer = SmallSmolLm();
  CHECK(tokenizer.IsEndOfGeneration(0));
  CHECK_FALSE(tokenizer.IsEndOfGeneration(1));
  CHECK(tokenizer.IsControl(1));
  CHECK(tokenizer.IsUserDefined(2));
}

TEST_CASE("NFC composes marks in any order, Hangul, and leaves the rest alone") {
  CHECK(ComposeNfc("e\xcc\x81") == "\xc3\xa9");
  CHECK(ComposeNfc("a\xcc\x88\xcc\xa3") == "\xe1\xba\xa1\xcc\x88");  // dot below sorts first
  CHECK(ComposeNfc("\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8") == "\xea\xb0\x81");
  CHECK(ComposeNfc("\xe2\x84\xab") == "\xc3\x85");  // the Angstrom sign is a singleton
  CHECK(ComposeNfc("plain \xff\xe2 日本") == "plain \xff\xe2 日本");
  CHECK(FirstUnsettledCharacter("plain日本é") == std::string::npos);
  CHECK(FirstUnsettledCharacter("e\xcc\x81") == 1);
}

nlohmann::json Golden() {
  std::ifstream in("tests/scheduler/fixtures/tokenizer_golden.json");
  return nlohmann::json::parse(in);
}

TEST_CASE("text is cut into the words that the published patterns cut") {
  const nlohmann::json golden = Golden();
  for (const auto& [name, splits] : golden["splits"].items()) {
    const PreTokenizerFamily* family = FindPreTokenizerFamily(name);
    REQUIRE(family != nullptr);
    for (const std::vector<std::string> words : splits) {
      std::string text;
      for (const std::string& word : words) text += word;
      std::vector<std::string> cut;
      const char* end = text.data() + text.size();
      for (const char* at = text.data(); at < end;) {
        const char* word_end = WordEnd(family->pattern, CharacterClasses::Get(), at, end);
        cut.emplace_back(at, word_end);
        at = word_end;
      }
      CAPTURE(name, text);
      CHECK(cut == words);
    }
  }
}

TEST_CASE("real vocabularies give the tokens that their own tokenizer gives") {
  const nlohmann::json golden = Golden();
  for (const std::string_view model : {kSmolLm, kGemma}) {
    const auto path = TestModel(model);
    if (!path) {
      SkippedWithout("tokenizer_test: real vocabularies", model);
      continue;
    }
    const auto file = OpenWeightFile(*path);
    REQUIRE(file.ok());
    auto data = ReadVocabulary(**file);
    REQUIRE(data.ok());
    const Tokenizer tokenizer = Make(*std::move(data));
    const auto& expected = golden[std::string(model)];
    for (size_t i = 0; i < golden["texts"].size(); ++i) {
      const std::string text = golden["texts"][i];
      CAPTURE(model, text);
      const Ids ids = tokenizer.Encode(text, {.add_bos = false});
      CHECK(ids == expected[i].get<Ids>());
      if (text.find("\xe2\x96\x81") == std::string::npos) CHECK(tokenizer.Decode(ids) == text);
    }
  }
}

}  // namespace
}  // namespace cairn
