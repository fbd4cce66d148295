#include "scheduler/tokenizer/jinja_parser.h"

#include <initializer_list>

#include "absl/strings/str_cat.h"
#include "scheduler/tokenizer/jinja_builtins.h"
#include "scheduler/tokenizer/jinja_expression_parser.h"

namespace cairn::jinja {
namespace {

class StatementParser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  absl::StatusOr<NodePtr> Run() {
    NodePtr body = ParseBody({});
    for (const auto& [name, place] : called_) {
      if (FindFunction(name) == nullptr && !assigned_.contains(name) && name != "caller") {
        Fail(place, absl::StrCat("unknown function '", name, "'"));
      }
    }
    if (!status().ok()) return status();
    return body;
  }

 private:
  // Statements up to one of `ends`, which becomes the current token; all to the end if there are
  // none.
  NodePtr ParseBody(std::initializer_list<std::string_view> ends) {
    NodePtr body = MakeNode(NodeKind::kBlock, Now().place);
    if (++nesting_ > kTreeDepthMax) {
      Fail(Now().place, absl::StrCat("nested deeper than ", kTreeDepthMax));
    }
    while (ok() && !At(TokenKind::kEnd)) {
      if (At(TokenKind::kText)) {
        NodePtr text = MakeNode(NodeKind::kText, Now().place);
        text->constant = Literal(Take().text);
        body->children.push_back(std::move(text));
      } else if (At(TokenKind::kPrintBegin)) {
        NodePtr print = MakeNode(NodeKind::kPrint, Take().place);
        print->children.push_back(ParseTuple({}));
        Expect(TokenKind::kPrintEnd, "'}}'");
        body->children.push_back(Finish(std::move(print)));
      } else {
        const Place place = Now().place;
        Expect(TokenKind::kTagBegin, "a tag");
        for (std::string_view end : ends) {
          if (AtName(end)) return --nesting_, Finish(std::move(body));
        }
        body->children.push_back(ParseStatement(place));
        Expect(TokenKind::kTagEnd, "'%}'");
      }
    }
    if (ok() && ends.size() > 0) {
      Fail(Now().place, absl::StrCat("expected '{% ", std::string(*(ends.end() - 1)),
                                     " %}', got the end of the template"));
    }
    --nesting_;
    return Finish(std::move(body));
  }

  // The end of an opening tag, then statements up to one of `ends`.
  NodePtr ParseBlock(std::initializer_list<std::string_view> ends) {
    SkipOperator(":");
    Expect(TokenKind::kTagEnd, "'%}'");
    return ParseBody(ends);
  }

  NodePtr ParseStatement(Place place) {
    const Token tag = Now();
    const std::string name = TakeName("the name of a tag");
    if (name == "if") return ParseIf(place);
    if (name == "for") return ParseFor(place);
    if (name == "set") return ParseSet(place);
    if (name == "macro") return ParseMacro(place);
    if (name == "call") return ParseCallBlock(place);
    if (name == "filter") return ParseFilterBlock(place);
    if (name == "with") return ParseWith(place);
    if (name == "generation") return ParseGeneration(place);
    if (name == "print") return ParsePrint(place);
    if (name == "break" || name == "continue") {
      if (loops_ == 0) Fail(tag.place, absl::StrCat("'", name, "' outside of a loop"));
      return MakeNode(name == "break" ? NodeKind::kBreak : NodeKind::kContinue, place);
    }
    Fail(tag.place, absl::StrCat("unknown tag '", name, "'"));
    return MakeNode(NodeKind::kBlock, place);
  }

  NodePtr ParseIf(Place place) {
    NodePtr node = MakeNode(NodeKind::kIf, place);
    while (ok()) {
      node->children.push_back(ParseTuple({.conditionals = false}));
      node->children.push_back(ParseBlock({"elif", "else", "endif"}));
      if (SkipName("elif")) continue;
      if (SkipName("else")) node->children.push_back(ParseBlock({"endif"}));
      ExpectName("endif");
      break;
    }
    return Finish(std::move(node));
  }

  NodePtr ParseFor(Place place) {
    NodePtr node = MakeNode(NodeKind::kFor, place);
    node->children.push_back(ParseTarget("in", /*with_namespace=*/false));
    ExpectName("in");
    node->children.push_back(ParseTuple({.conditionals = false}));
    node->children.push_back(SkipName("if") ? ParseExpression() : nullptr);
    if (AtName("recursive")) Fail(Now().place, "recursive loops are not supported");
    ++loops_;
    node->children.push_back(ParseBlock({"else", "endfor"}));
    --loops_;
    node->children.push_back(SkipName("else") ? ParseBlock({"endfor"}) : nullptr);
    ExpectName("endfor");
    return Finish(std::move(node));
  }

  // A name, a tuple of them, or (with_namespace) name.attribute.
  NodePtr ParseTarget(std::string_view end_name, bool with_namespace) {
    if (with_namespace && Ahead().kind == TokenKind::kOperator && Ahead().text == ".") {
      NodePtr node = MakeNode(NodeKind::kNamespaceTarget, Now().place);
      node->names.push_back(TakeName("a variable"));
      ExpectOperator(".");
      node->names.push_back(TakeName("an attribute"));
      return node;
    }
    NodePtr target = ParseTuple({.end_name = end_name});
    CheckTarget(*target);
    return target;
  }

  void CheckTarget(const Node& target) {
    if (target.kind == NodeKind::kName) {
      assigned_.insert(target.name);
    } else if (target.kind == NodeKind::kTuple) {
      for (const NodePtr& part : target.children) CheckTarget(*part);
    } else {
      Fail(target.place, "this cannot be assigned to");
    }
  }

  NodePtr ParseSet(Place place) {
    NodePtr target = ParseTarget("=", /*with_namespace=*/true);
    if (SkipOperator("=")) {
      NodePtr node = MakeNode(NodeKind::kSet, place);
      node->children.push_back(std::move(target));
      node->children.push_back(ParseTuple({}));
      return Finish(std::move(node));
    }
    NodePtr node = MakeNode(NodeKind::kSetBlock, place);
    node->children.push_back(std::move(target));
    node->children.push_back(AtOperator("|") ? ParseFilters(nullptr) : nullptr);
    node->children.push_back(ParseBlock({"endset"}));
    ExpectName("endset");
    return Finish(std::move(node));
  }

  void ParseParameters(Node& node) {
    ExpectOperator("(");
    while (ok() && !AtOperator(")")) {
      if (!node.parameters.empty()) ExpectOperator(",");
      const Place place = Now().place;
      Parameter parameter{TakeName("the name of a parameter"), nullptr};
      assigned_.insert(parameter.name);
      if (SkipOperator("=")) {
        parameter.fallback = ParseExpression();
      } else if (!node.parameters.empty() && node.parameters.back().fallback != nullptr) {
        Fail(place, "a parameter without a default after one with it");
      }
      node.parameters.push_back(std::move(parameter));
    }
    ExpectOperator(")");
  }

  // The body of a macro or call block: loops outside of it cannot be left from it.
  NodePtr ParseCallable(Node& node, std::string_view end) {
    const MacroExtras outer = seen_;
    const int outer_loops = loops_;
    seen_ = {};
    loops_ = 0;
    NodePtr body = ParseBlock({end});
    node.extras = seen_;
    seen_ = outer;
    // What an inner macro reads of the outer one's arguments counts for both.
    seen_.uses_caller |= node.extras.uses_caller;
    loops_ = outer_loops;
    ExpectName(end);
    return body;
  }

  NodePtr ParseMacro(Place place) {
    NodePtr node = MakeNode(NodeKind::kMacro, place);
    node->name = TakeName("the name of a macro");
    assigned_.insert(node->name);
    ParseParameters(*node);
    node->children.push_back(ParseCallable(*node, "endmacro"));
    return Finish(std::move(node));
  }

  NodePtr ParseCallBlock(Place place) {
    NodePtr node = MakeNode(NodeKind::kCallBlock, place);
    if (AtOperator("(")) ParseParameters(*node);
    NodePtr call = ParseExpression();
    if (call->kind != NodeKind::kCall) Fail(call->place, "expected a call");
    node->children.push_back(std::move(call));
    node->children.push_back(ParseCallable(*node, "endcall"));
    return Finish(std::move(node));
  }

  NodePtr ParseFilterBlock(Place place) {
    NodePtr node = MakeNode(NodeKind::kFilterBlock, place);
    node->children.push_back(ParseFilters(ParseFilter(nullptr)));
    node->children.push_back(ParseBlock({"endfilter"}));
    ExpectName("endfilter");
    return Finish(std::move(node));
  }

  NodePtr ParseWith(Place place) {
    NodePtr node = MakeNode(NodeKind::kWith, place);
    node->children.push_back(nullptr);
    while (ok() && !At(TokenKind::kTagEnd)) {
      if (node->children.size() > 1) ExpectOperator(",");
      node->children.push_back(ParseTarget("=", /*with_namespace=*/false));
      ExpectOperator("=");
      node->children.push_back(ParseExpression());
    }
    node->children[0] = ParseBlock({"endwith"});
    ExpectName("endwith");
    return Finish(std::move(node));
  }

  // Marks what the model said, for training; here just text in a scope of its own.
  NodePtr ParseGeneration(Place place) {
    NodePtr node = MakeNode(NodeKind::kScope, place);
    const int outer_loops = loops_;
    loops_ = 0;
    node->children.push_back(ParseBlock({"endgeneration"}));
    loops_ = outer_loops;
    ExpectName("endgeneration");
    return Finish(std::move(node));
  }

  NodePtr ParsePrint(Place place) {
    NodePtr block = MakeNode(NodeKind::kBlock, place);
    while (ok() && !At(TokenKind::kTagEnd)) {
      if (!block->children.empty()) ExpectOperator(",");
      NodePtr print = MakeNode(NodeKind::kPrint, Now().place);
      print->children.push_back(ParseExpression());
      block->children.push_back(Finish(std::move(print)));
    }
    return Finish(std::move(block));
  }

  int loops_ = 0;
  int nesting_ = 0;
};

}  // namespace

absl::StatusOr<NodePtr> ParseTemplate(std::string_view source) {
  if (source.size() > kTemplateBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("chat template: ", source.size(), " bytes, at most ", kTemplateBytesMax));
  }
  absl::StatusOr<std::vector<Token>> tokens = Tokenize(source);
  if (!tokens.ok()) return tokens.status();
  return StatementParser(*std::move(tokens)).Run();
}

}  // namespace cairn::jinja
