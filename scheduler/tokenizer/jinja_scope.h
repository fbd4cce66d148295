// How the renderer enters and leaves blocks and levels of recursion.
#pragma once

#include <memory>

#include "absl/strings/str_cat.h"
#include "scheduler/tokenizer/jinja_renderer.h"

namespace cairn::jinja {

// Deepest recursion of a rendering: the tree of the template, and macros that call macros.
inline constexpr int kRenderDepthMax = 800;

class Renderer::Entered {
 public:
  explicit Entered(Renderer& renderer) : Entered(renderer, renderer.scope_) {}
  // A block whose names continue those of `parent`: a macro's body sees where the macro was
  // written.
  Entered(Renderer& renderer, Scope* parent)
      : renderer_(renderer), outer_(renderer.scope_), scope_(std::make_unique<Scope>()) {
    scope_->parent = parent;
    renderer_.scope_ = scope_.get();
  }
  Entered(const Entered&) = delete;
  ~Entered() {
    renderer_.scope_ = outer_;
    if (scope_->captured) renderer_.captured_.push_back(std::move(scope_));
  }

 private:
  Renderer& renderer_;
  Scope* const outer_;
  std::unique_ptr<Scope> scope_;
};

class Renderer::Descent {
 public:
  Descent(Renderer& renderer, Place place) : renderer_(renderer) {
    renderer_.place_ = place;
    renderer_.Charge(1);
    if (++renderer_.depth_ > kRenderDepthMax) {
      renderer_.Fail(absl::StrCat("recursion deeper than ", kRenderDepthMax));
    }
  }
  Descent(const Descent&) = delete;
  ~Descent() { --renderer_.depth_; }

 private:
  Renderer& renderer_;
};

}  // namespace cairn::jinja
