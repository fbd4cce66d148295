// The expression half of the template parser, and the token cursor that both halves share.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "scheduler/tokenizer/jinja_ast.h"
#include "scheduler/tokenizer/jinja_lexer.h"

namespace cairn::jinja {

// Recursive descent in the order and with the precedences of Jinja2's parser. The first error
// sticks: after it every look at the tokens sees the end, so that all loops end.
class ExpressionParser {
 public:
  explicit ExpressionParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

 protected:
  // Whether a tuple may be written without parentheses, and what ends it.
  struct TupleRules {
    bool conditionals = true;
    bool parenthesised = false;
    std::string_view end_name;  // of a for target: in
  };

  const absl::Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }
  void Fail(Place place, std::string_view what);

  const Token& Now() const { return tokens_[at_]; }
  const Token& Ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token Take();
  bool AtOperator(std::string_view op) const;
  bool AtName(std::string_view name) const;
  bool At(TokenKind kind) const { return Now().kind == kind; }
  bool SkipOperator(std::string_view op);
  bool SkipName(std::string_view name);
  void Expect(TokenKind kind, std::string_view what);
  void ExpectOperator(std::string_view op);
  void ExpectName(std::string_view name);
  std::string TakeName(std::string_view what);
  std::string Describe() const;

  NodePtr MakeNode(NodeKind kind, Place place) const;
  // Checks the depth once the children are in.
  NodePtr Finish(NodePtr node);

  NodePtr ParseExpression();
  NodePtr ParseTuple(const TupleRules& rules);
  NodePtr ParsePrimary();
  NodePtr ParseFilters(NodePtr input);
  NodePtr ParseFilter(NodePtr input);

  // Names that the template itself gives a meaning: variables, macros, parameters.
  std::set<std::string> assigned_;
  // Names that are called as functions, with the place of the first call.
  std::vector<std::pair<std::string, Place>> called_;
  // Names read since the innermost macro began; for varargs, kwargs and caller.
  MacroExtras seen_;

 private:
  NodePtr ParseConditional();
  NodePtr ParseOr();
  NodePtr ParseAnd();
  NodePtr ParseNot();
  NodePtr ParseCompare();
  NodePtr ParseSum();
  NodePtr ParseConcat();
  NodePtr ParseProduct();
  NodePtr ParsePower();
  NodePtr ParseUnary(bool with_filter);
  NodePtr ParsePostfix(NodePtr node);
  NodePtr ParsePostfixAndFilters(NodePtr node);
  NodePtr ParseSubscript(NodePtr node);
  NodePtr ParseBrackets(NodePtr node, Place place);
  NodePtr ParseCall(NodePtr callee);
  NodePtr ParseTest(NodePtr input);
  NodePtr ParseList();
  NodePtr ParseDict();
  void ParseArguments(Node& node);
  void CheckCallee(const Node& callee);
  NodePtr Pair(NodeKind kind, Place place, NodePtr left, NodePtr right);

  std::vector<Token> tokens_;
  size_t at_ = 0;
  absl::Status status_;
  int nesting_ = 0;
};

}  // namespace cairn::jinja
