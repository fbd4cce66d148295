#include "scheduler/tokenizer/jinja_json.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace cairn::jinja {
namespace {

class JsonWriter {
 public:
  JsonWriter(Renderer& renderer, const JsonLayout& layout) : renderer_(renderer), layout_(layout) {}

  std::string Take() { return std::move(out_); }

  void Write(const Value& value, size_t level) {
    if (!renderer_.ok()) return;
    switch (value.kind()) {
      case Kind::kNone:
        out_ += "null";
        return;
      case Kind::kBool:
        out_ += value.AsBool() ? "true" : "false";
        return;
      case Kind::kInt:
        absl::StrAppend(&out_, value.AsInt());
        return;
      case Kind::kFloat:
        WriteFloat(value.AsFloat());
        return;
      case Kind::kString:
        WriteString(value.str());
        return;
      case Kind::kDict:
        WriteDict(value.dict(), level);
        return;
      case Kind::kSequence:
        if (value.sequence().kind == SequenceKind::kList ||
            value.sequence().kind == SequenceKind::kTuple) {
          WriteList(value.sequence().items, level);
          return;
        }
        break;
      default:
        break;
    }
    renderer_.Fail(
        absl::StrCat("Object of type ", std::string(TypeName(value)), " is not JSON serializable"));
  }

 private:
  void WriteFloat(double value) {
    if (std::isnan(value)) {
      out_ += "NaN";
    } else if (std::isinf(value)) {
      out_ += value > 0 ? "Infinity" : "-Infinity";
    } else {
      out_ += FloatRepr(value);
    }
  }

  void WriteEscape(uint32_t unit) {
    absl::StrAppend(&out_, "\\u", absl::Hex(unit, absl::kZeroPad4));
  }

  void WriteString(const std::string& bytes) {
    out_.push_back('"');
    for (size_t at = 0; at < bytes.size(); at += CodePointBytes(bytes, at)) {
      const auto c = static_cast<uint32_t>(CodePointAt(bytes, at));
      constexpr std::string_view kEscaped = "\"\\\n\r\t\f\b";
      constexpr std::string_view kLetters = "\"\\nrtfb";
      const size_t known = c < 0x80 ? kEscaped.find(static_cast<char>(c)) : std::string_view::npos;
      if (known != std::string_view::npos) {
        out_.push_back('\\');
        out_.push_back(kLetters[known]);
      } else if (c < 0x20 || (layout_.ascii_only && c > 0x7E && c < 0x10000)) {
        // Python leaves DEL as it is even with ensure_ascii.
        if (c == 0x7F)
          out_.push_back(static_cast<char>(c));
        else
          WriteEscape(c);
      } else if (layout_.ascii_only && c >= 0x10000) {
        WriteEscape(0xD800 + ((c - 0x10000) >> 10));
        WriteEscape(0xDC00 + ((c - 0x10000) & 0x3FF));
      } else {
        out_.append(bytes, at, CodePointBytes(bytes, at));
      }
    }
    out_.push_back('"');
  }

  void NewLine(size_t level) {
    if (!layout_.has_indent) return;
    out_.push_back('\n');
    for (size_t i = 0; i < level; ++i) out_ += layout_.indent;
    renderer_.Charge(1 + level * layout_.indent.size() / 32);
  }

  void WriteList(const std::vector<Value>& items, size_t level) {
    out_.push_back('[');
    for (size_t i = 0; i < items.size() && renderer_.ok(); ++i) {
      if (i > 0) out_ += layout_.item_separator;
      NewLine(level + 1);
      Write(items[i], level + 1);
    }
    if (!items.empty()) NewLine(level);
    out_.push_back(']');
  }

  // The key's text; Python turns keys that are not strings into some.
  std::string KeyText(const Value& key) {
    if (key.Is(Kind::kString)) return key.str();
    if (!key.IsNumber() && !key.Is(Kind::kNone)) {
      renderer_.Fail(absl::StrCat("keys must be str, int, float, bool or None, not ",
                                  std::string(TypeName(key))));
      return "";
    }
    JsonWriter writer(renderer_, layout_);
    writer.Write(key, 0);
    return writer.Take();
  }

  void WriteDict(const Dict& dict, size_t level) {
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (layout_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(), [&](const auto* a, const auto* b) {
        return renderer_.IsLess(a->first, b->first);
      });
    }
    out_.push_back('{');
    for (size_t i = 0; i < entries.size() && renderer_.ok(); ++i) {
      if (i > 0) out_ += layout_.item_separator;
      NewLine(level + 1);
      WriteString(KeyText(entries[i]->first));
      out_ += layout_.key_separator;
      Write(entries[i]->second, level + 1);
    }
    if (!entries.empty()) NewLine(level);
    out_.push_back('}');
  }

  Renderer& renderer_;
  const JsonLayout& layout_;
  std::string out_;
};

}  // namespace

std::string ToJson(Renderer& renderer, const Value& value, const JsonLayout& layout) {
  renderer.Charge(WeightOf(value));
  JsonWriter writer(renderer, layout);
  writer.Write(value, 0);
  return writer.Take();
}

}  // namespace cairn::jinja
