// The tree of a template. Built once, then only read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/tokenizer/jinja_lexer.h"
#include "scheduler/tokenizer/jinja_value.h"

namespace cairn::jinja {

enum class NodeKind : uint8_t {
  // Expressions.
  kConstant,
  kName,         // name
  kList,         // children
  kTuple,        // children
  kDict,         // children: key, value, key, value, ...
  kAttribute,    // children[0].name
  kItem,         // children[0][children[1]]
  kSlice,        // children[0][children[1]:children[2]:children[3]], absent ones null
  kCall,         // children[0](arguments)
  kFilter,       // children[0] | name(arguments); children[0] is null in {% filter %} and {% set %}
  kTest,         // children[0] is name(arguments)
  kNot,          // children[0]
  kNegative,     // children[0]
  kPositive,     // children[0]
  kBinary,       // children[0] name children[1]: + - * / // % **
  kAnd,          // children
  kOr,           // children
  kCompare,      // children[0] names[0] children[1] names[1] children[2] ...
  kConcat,       // children joined by ~
  kConditional,  // children[1] if children[0] else children[2]; the last may be null
  // Statements.
  kText,         // constant
  kPrint,        // children[0]
  kBlock,        // children, in the scope around it
  kScope,        // children, in a scope of their own: {% generation %}
  kIf,           // condition, block, condition, block, ..., [else block]
  kFor,          // target, iterable, filter or null, body, else block or null
  kSet,          // target, value
  kSetBlock,     // target, filter or null, body
  kMacro,        // name, parameters, body in children[0]
  kCallBlock,    // parameters, call in children[0], body in children[1]
  kFilterBlock,  // filter chain, body
  kWith,         // body, target, value, target, value, ...
  kBreak,
  kContinue,
  // Targets of set and for besides kName and kTuple.
  kNamespaceTarget,  // names[0].names[1]
};

struct Node;
using NodePtr = std::unique_ptr<Node>;

struct Parameter {
  std::string name;
  NodePtr fallback;  // null: undefined if not given
};

// What a macro's body makes of arguments beyond its parameters.
struct MacroExtras {
  bool uses_caller = false;
  bool uses_varargs = false;
  bool uses_kwargs = false;
};

struct Node {
  NodeKind kind = NodeKind::kConstant;
  Place place;
  int depth = 1;
  std::string name;
  std::vector<std::string> names;
  Value constant;
  std::vector<NodePtr> children;
  // Calls, filters, tests.
  std::vector<NodePtr> arguments;
  std::vector<std::pair<std::string, NodePtr>> named_arguments;
  // Macros and call blocks.
  std::vector<Parameter> parameters;
  MacroExtras extras;
};

}  // namespace cairn::jinja
