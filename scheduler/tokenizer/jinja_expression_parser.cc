#include "scheduler/tokenizer/jinja_expression_parser.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "scheduler/tokenizer/jinja_builtins.h"
#include "scheduler/tokenizer/jinja_parser.h"

namespace cairn::jinja {

void ExpressionParser::Fail(Place place, std::string_view what) {
  if (status_.ok()) status_ = ErrorAt(place, what);
  at_ = tokens_.size() - 1;
}

Token ExpressionParser::Take() {
  Token token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool ExpressionParser::AtOperator(std::string_view op) const {
  return Now().kind == TokenKind::kOperator && Now().text == op;
}

bool ExpressionParser::AtName(std::string_view name) const {
  return Now().kind == TokenKind::kName && Now().text == name;
}

bool ExpressionParser::SkipOperator(std::string_view op) {
  if (!AtOperator(op)) return false;
  Take();
  return true;
}

bool ExpressionParser::SkipName(std::string_view name) {
  if (!AtName(name)) return false;
  Take();
  return true;
}

void ExpressionParser::Expect(TokenKind kind, std::string_view what) {
  if (!At(kind))
    return Fail(Now().place, absl::StrCat("expected ", std::string(what), ", got ", Describe()));
  Take();
}

void ExpressionParser::ExpectOperator(std::string_view op) {
  if (!SkipOperator(op)) {
    Fail(Now().place, absl::StrCat("expected '", std::string(op), "', got ", Describe()));
  }
}

void ExpressionParser::ExpectName(std::string_view name) {
  if (!SkipName(name)) {
    Fail(Now().place, absl::StrCat("expected '", std::string(name), "', got ", Describe()));
  }
}

std::string ExpressionParser::TakeName(std::string_view what) {
  if (!At(TokenKind::kName)) {
    Fail(Now().place, absl::StrCat("expected ", std::string(what), ", got ", Describe()));
    return "";
  }
  return Take().text;
}

std::string ExpressionParser::Describe() const {
  switch (Now().kind) {
    case TokenKind::kText:
      return "text";
    case TokenKind::kTagBegin:
      return "'{%'";
    case TokenKind::kTagEnd:
      return "'%}'";
    case TokenKind::kPrintBegin:
      return "'{{'";
    case TokenKind::kPrintEnd:
      return "'}}'";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return "a number";
    case TokenKind::kEnd:
      return "the end of the template";
    default:
      return absl::StrCat("'", Now().text, "'");
  }
}

NodePtr ExpressionParser::MakeNode(NodeKind kind, Place place) const {
  auto node = std::make_unique<Node>();
  node->kind = kind;
  node->place = place;
  return node;
}

NodePtr ExpressionParser::Finish(NodePtr node) {
  const auto count = [&](const NodePtr& child) {
    if (child != nullptr) node->depth = std::max(node->depth, child->depth + 1);
  };
  for (const NodePtr& child : node->children) count(child);
  for (const NodePtr& argument : node->arguments) count(argument);
  for (const auto& [name, argument] : node->named_arguments) count(argument);
  for (const Parameter& parameter : node->parameters) count(parameter.fallback);
  if (node->depth > kTreeDepthMax) {
    Fail(node->place, absl::StrCat("nested deeper than ", kTreeDepthMax));
  }
  return node;
}

NodePtr ExpressionParser::Pair(NodeKind kind, Place place, NodePtr left, NodePtr right) {
  NodePtr node = MakeNode(kind, place);
  node->children.push_back(std::move(left));
  node->children.push_back(std::move(right));
  return Finish(std::move(node));
}

// Every way down passes through here or ParseNot or ParseUnary; counting keeps the stack bounded.
NodePtr ExpressionParser::ParseExpression() {
  if (++nesting_ > kTreeDepthMax) {
    Fail(Now().place, absl::StrCat("nested deeper than ", kTreeDepthMax));
  }
  NodePtr node = ok() ? ParseConditional() : MakeNode(NodeKind::kConstant, Now().place);
  --nesting_;
  return node;
}

NodePtr ExpressionParser::ParseConditional() {
  const Place place = Now().place;
  NodePtr value = ParseOr();
  while (SkipName("if")) {
    NodePtr node = MakeNode(NodeKind::kConditional, place);
    node->children.push_back(ParseOr());
    node->children.push_back(std::move(value));
    node->children.push_back(SkipName("else") ? ParseExpression() : nullptr);
    value = Finish(std::move(node));
  }
  return value;
}

NodePtr ExpressionParser::ParseOr() {
  const Place place = Now().place;
  NodePtr node = ParseAnd();
  while (SkipName("or")) node = Pair(NodeKind::kOr, place, std::move(node), ParseAnd());
  return node;
}

NodePtr ExpressionParser::ParseAnd() {
  const Place place = Now().place;
  NodePtr node = ParseNot();
  while (SkipName("and")) node = Pair(NodeKind::kAnd, place, std::move(node), ParseNot());
  return node;
}

NodePtr ExpressionParser::ParseNot() {
  const Place place = Now().place;
  size_t count = 0;
  while (SkipName("not")) ++count;
  NodePtr node = ParseCompare();
  for (; count > 0 && ok(); --count) {
    NodePtr negated = MakeNode(NodeKind::kNot, place);
    negated->children.push_back(std::move(node));
    node = Finish(std::move(negated));
  }
  return node;
}

NodePtr ExpressionParser::ParseCompare() {
  constexpr std::array<std::string_view, 6> kOperators = {"==", "!=", "<", "<=", ">", ">="};
  NodePtr compare = MakeNode(NodeKind::kCompare, Now().place);
  compare->children.push_back(ParseSum());
  while (ok()) {
    if (At(TokenKind::kOperator) &&
        std::find(kOperators.begin(), kOperators.end(), Now().text) != kOperators.end()) {
      compare->names.push_back(Take().text);
    } else if (SkipName("in")) {
      compare->names.push_back("in");
    } else if (AtName("not") && Ahead().kind == TokenKind::kName && Ahead().text == "in") {
      Take();
      Take();
      compare->names.push_back("not in");
    } else {
      break;
    }
    compare->children.push_back(ParseSum());
  }
  if (compare->names.empty()) return std::move(compare->children[0]);
  return Finish(std::move(compare));
}

NodePtr ExpressionParser::ParseSum() {
  NodePtr node = ParseConcat();
  while (AtOperator("+") || AtOperator("-")) {
    const Token op = Take();
    node = Pair(NodeKind::kBinary, op.place, std::move(node), ParseConcat());
    node->name = op.text;
  }
  return node;
}

NodePtr ExpressionParser::ParseConcat() {
  NodePtr node = MakeNode(NodeKind::kConcat, Now().place);
  node->children.push_back(ParseProduct());
  while (SkipOperator("~")) node->children.push_back(ParseProduct());
  if (node->children.size() == 1) return std::move(node->children[0]);
  return Finish(std::move(node));
}

NodePtr ExpressionParser::ParseProduct() {
  NodePtr node = ParsePower();
  while (AtOperator("*") || AtOperator("/") || AtOperator("//") || AtOperator("%")) {
    const Token op = Take();
    node = Pair(NodeKind::kBinary, op.place, std::move(node), ParsePower());
    node->name = op.text;
  }
  return node;
}

NodePtr ExpressionParser::ParsePower() {
  NodePtr node = ParseUnary(true);
  while (AtOperator("**")) {
    const Token op = Take();
    node = Pair(NodeKind::kBinary, op.place, std::move(node), ParseUnary(true));
    node->name = op.text;
  }
  return node;
}

NodePtr ExpressionParser::ParseUnary(bool with_filter) {
  const Place place = Now().place;
  NodePtr node;
  if (AtOperator("-") || AtOperator("+")) {
    if (++nesting_ > kTreeDepthMax) Fail(place, absl::StrCat("nested deeper than ", kTreeDepthMax));
    node = MakeNode(Take().text == "-" ? NodeKind::kNegative : NodeKind::kPositive, place);
    node->children.push_back(ParseUnary(false));
    node = Finish(std::move(node));
    --nesting_;
  } else {
    node = ParsePrimary();
  }
  node = ParsePostfix(std::move(node));
  return with_filter ? ParsePostfixAndFilters(std::move(node)) : std::move(node);
}

NodePtr ExpressionParser::ParsePrimary() {
  const Token token = Now();
  NodePtr node = MakeNode(NodeKind::kConstant, token.place);
  switch (token.kind) {
    case TokenKind::kName:
      Take();
      if (token.text == "true" || token.text == "True") {
        node->constant = Value::Bool(true);
      } else if (token.text == "false" || token.text == "False") {
        node->constant = Value::Bool(false);
      } else if (token.text == "none" || token.text == "None") {
        node->constant = Value::None();
      } else {
        node->kind = NodeKind::kName;
        node->name = token.text;
        seen_.uses_caller |= token.text == "caller";
        seen_.uses_varargs |= token.text == "varargs";
        seen_.uses_kwargs |= token.text == "kwargs";
      }
      return node;
    case TokenKind::kString: {
      std::string text;
      while (At(TokenKind::kString)) text += Take().text;
      node->constant = Literal(text);
      return node;
    }
    case TokenKind::kInteger:
      node->constant = Value::Int(Take().integer);
      return node;
    case TokenKind::kFloat:
      node->constant = Value::Float(Take().real);
      return node;
    default:
      break;
  }
  if (SkipOperator("(")) {
    node = ParseTuple({.parenthesised = true});
    ExpectOperator(")");
    return node;
  }
  if (AtOperator("[")) return ParseList();
  if (AtOperator("{")) return ParseDict();
  Fail(token.place, absl::StrCat("expected an expression, got ", Describe()));
  return node;
}

NodePtr ExpressionParser::ParseTuple(const TupleRules& rules) {
  NodePtr tuple = MakeNode(NodeKind::kTuple, Now().place);
  bool is_tuple = false;
  while (ok()) {
    if (is_tuple) ExpectOperator(",");
    const bool at_end = At(TokenKind::kPrintEnd) || At(TokenKind::kTagEnd) || AtOperator(")") ||
                        (!rules.end_name.empty() && AtName(rules.end_name));
    if (at_end || !ok()) break;
    if (!rules.end_name.empty()) {
      tuple->children.push_back(ParsePrimary());
    } else {
      tuple->children.push_back(rules.conditionals ? ParseExpression() : ParseOr());
    }
    if (!AtOperator(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return Finish(std::move(tuple));
  if (!tuple->children.empty()) return std::move(tuple->children[0]);
  if (!rules.parenthesised)
    Fail(Now().place, absl::StrCat("expected an expression, got ", Describe()));
  return tuple;
}

NodePtr ExpressionParser::ParseList() {
  NodePtr list = MakeNode(NodeKind::kList, Now().place);
  ExpectOperator("[");
  while (ok() && !AtOperator("]")) {
    if (!list->children.empty()) ExpectOperator(",");
    if (AtOperator("]")) break;
    list->children.push_back(ParseExpression());
  }
  ExpectOperator("]");
  return Finish(std::move(list));
}

NodePtr ExpressionParser::ParseDict() {
  NodePtr dict = MakeNode(NodeKind::kDict, Now().place);
  ExpectOperator("{");
  while (ok() && !AtOperator("}")) {
    if (!dict->children.empty()) ExpectOperator(",");
    if (AtOperator("}")) break;
    dict->children.push_back(ParseExpression());
    ExpectOperator(":");
    dict->children.push_back(ParseExpression());
  }
  ExpectOperator("}");
  return Finish(std::move(dict));
}

NodePtr ExpressionParser::ParsePostfix(NodePtr node) {
  while (ok()) {
    if (AtOperator(".") || AtOperator("[")) {
      node = ParseSubscript(std::move(node));
    } else if (AtOperator("(")) {
      node = ParseCall(std::move(node));
    } else {
      break;
    }
  }
  return node;
}

NodePtr ExpressionParser::ParsePostfixAndFilters(NodePtr node) {
  while (ok()) {
    if (AtOperator("|")) {
      node = ParseFilters(std::move(node));
    } else if (AtName("is")) {
      node = ParseTest(std::move(node));
    } else if (AtOperator("(")) {
      node = ParseCall(std::move(node));
    } else {
      break;
    }
  }
  return node;
}

NodePtr ExpressionParser::ParseSubscript(NodePtr object) {
  const Place place = Now().place;
  if (SkipOperator("[")) return ParseBrackets(std::move(object), place);
  Take();
  NodePtr node = MakeNode(NodeKind::kAttribute, Now().place);
  node->children.push_back(std::move(object));
  if (At(TokenKind::kInteger)) {
    NodePtr index = MakeNode(NodeKind::kConstant, place);
    index->constant = Value::Int(Take().integer);
    node->kind = NodeKind::kItem;
    node->children.push_back(std::move(index));
  } else {
    node->name = TakeName("a name or number after '.'");
  }
  return Finish(std::move(node));
}

NodePtr ExpressionParser::ParseBrackets(NodePtr object, Place place) {
  NodePtr node = MakeNode(NodeKind::kItem, place);
  node->children.push_back(std::move(object));
  NodePtr first = AtOperator(":") ? nullptr : ParseExpression();
  if (!AtOperator(":")) {
    node->children.push_back(std::move(first));
  } else {
    node->kind = NodeKind::kSlice;
    node->children.push_back(std::move(first));
    for (int part = 0; part < 2; ++part) {
      const bool given = SkipOperator(":") && !AtOperator(":") && !AtOperator("]");
      node->children.push_back(given ? ParseExpression() : nullptr);
    }
  }
  if (AtOperator(",")) Fail(Now().place, "a subscript of several parts is not supported");
  ExpectOperator("]");
  return Finish(std::move(node));
}

void ExpressionParser::ParseArguments(Node& node) {
  ExpectOperator("(");
  bool comma_due = false;
  while (ok() && !AtOperator(")")) {
    if (comma_due) ExpectOperator(",");
    if (AtOperator(")")) break;
    comma_due = true;
    if (AtOperator("*") || AtOperator("**")) {
      Fail(Now().place, "passing arguments with * or ** is not supported");
    } else if (At(TokenKind::kName) && Ahead().kind == TokenKind::kOperator &&
               Ahead().text == "=") {
      const Token name = Take();
      Take();
      for (const auto& [other, argument] : node.named_arguments) {
        if (other == name.text) Fail(name.place, absl::StrCat("'", name.text, "' is given twice"));
      }
      node.named_arguments.emplace_back(name.text, ParseExpression());
    } else {
      if (!node.named_arguments.empty())
        Fail(Now().place, "a positional argument after a named one");
      node.arguments.push_back(ParseExpression());
    }
  }
  ExpectOperator(")");
}

void ExpressionParser::CheckCallee(const Node& callee) {
  if (callee.kind == NodeKind::kName) {
    called_.emplace_back(callee.name, callee.place);
  } else if (callee.kind == NodeKind::kAttribute && !IsMethodName(callee.name)) {
    Fail(callee.place, absl::StrCat("unknown method '", callee.name, "'"));
  }
}

NodePtr ExpressionParser::ParseCall(NodePtr callee) {
  NodePtr node = MakeNode(NodeKind::kCall, Now().place);
  if (callee != nullptr) CheckCallee(*callee);
  node->children.push_back(std::move(callee));
  ParseArguments(*node);
  return Finish(std::move(node));
}

NodePtr ExpressionParser::ParseFilters(NodePtr input) {
  while (SkipOperator("|")) input = ParseFilter(std::move(input));
  return input;
}

// Filters and tests that take the name of another one: map('upper'), select('defined').
NodePtr ExpressionParser::ParseFilter(NodePtr input) {
  NodePtr node = MakeNode(NodeKind::kFilter, Now().place);
  node->name = TakeName("the name of a filter");
  if (ok() && FindFilter(node->name) == nullptr) {
    Fail(node->place, absl::StrCat("unknown filter '", node->name, "'"));
  }
  node->children.push_back(std::move(input));
  if (AtOperator("(")) ParseArguments(*node);
  const bool by_attribute = node->name == "selectattr" || node->name == "rejectattr";
  const bool by_test = node->name == "select" || node->name == "reject" || by_attribute;
  const size_t name_at = by_attribute ? 1 : 0;
  if ((by_test || node->name == "map") && name_at < node->arguments.size() &&
      node->arguments[name_at]->kind == NodeKind::kConstant &&
      node->arguments[name_at]->constant.Is(Kind::kString)) {
    const std::string& name = node->arguments[name_at]->constant.str();
    if ((by_test ? FindTest(name) : FindFilter(name)) == nullptr) {
      Fail(node->arguments[name_at]->place,
           absl::StrCat("unknown ", by_test ? "test" : "filter", " '", name, "'"));
    }
  }
  return Finish(std::move(node));
}

NodePtr ExpressionParser::ParseTest(NodePtr input) {
  const Place place = Take().place;  // is
  const bool negated = SkipName("not");
  NodePtr node = MakeNode(NodeKind::kTest, Now().place);
  node->name = TakeName("the name of a test");
  if (ok() && FindTest(node->name) == nullptr) {
    Fail(node->place, absl::StrCat("unknown test '", node->name, "'"));
  }
  node->children.push_back(std::move(input));
  const bool argument_follows = At(TokenKind::kName) || At(TokenKind::kString) ||
                                At(TokenKind::kInteger) || At(TokenKind::kFloat) ||
                                AtOperator("[") || AtOperator("{");
  if (AtOperator("(")) {
    ParseArguments(*node);
  } else if (argument_follows && !AtName("else") && !AtName("or") && !AtName("and")) {
    if (AtName("is")) Fail(Now().place, "several tests with 'is' cannot be chained");
    node->arguments.push_back(ParsePostfix(ParsePrimary()));
  }
  node = Finish(std::move(node));
  if (!negated) return node;
  NodePtr inverse = MakeNode(NodeKind::kNot, place);
  inverse->children.push_back(std::move(node));
  return Finish(std::move(inverse));
}

}  // namespace cairn::jinja
