#include "worker/model/tensor_names.h"

#include "absl/strings/str_cat.h"
#include "kvstore/base/check.h"

namespace cairn {
namespace {

struct Names {
  const char* gguf;
  const char* hugging_face;
};

Names NamesOf(LayerTensor tensor, bool has_post_norms) {
  switch (tensor) {
    case LayerTensor::kAttentionNorm:
      return {"attn_norm.weight", "input_layernorm.weight"};
    case LayerTensor::kQuery:
      return {"attn_q.weight", "self_attn.q_proj.weight"};
    case LayerTensor::kKey:
      return {"attn_k.weight", "self_attn.k_proj.weight"};
    case LayerTensor::kValue:
      return {"attn_v.weight", "self_attn.v_proj.weight"};
    case LayerTensor::kQueryBias:
      return {"attn_q.bias", "self_attn.q_proj.bias"};
    case LayerTensor::kKeyBias:
      return {"attn_k.bias", "self_attn.k_proj.bias"};
    case LayerTensor::kValueBias:
      return {"attn_v.bias", "self_attn.v_proj.bias"};
    case LayerTensor::kQueryNorm:
      return {"attn_q_norm.weight", "self_attn.q_norm.weight"};
    case LayerTensor::kKeyNorm:
      return {"attn_k_norm.weight", "self_attn.k_norm.weight"};
    case LayerTensor::kAttentionOutput:
      return {"attn_output.weight", "self_attn.o_proj.weight"};
    case LayerTensor::kPostAttentionNorm:
      return {"post_attention_norm.weight", "post_attention_layernorm.weight"};
    case LayerTensor::kFeedForwardNorm:
      return {"ffn_norm.weight", has_post_norms ? "pre_feedforward_layernorm.weight"
                                                : "post_attention_layernorm.weight"};
    case LayerTensor::kGate:
      return {"ffn_gate.weight", "mlp.gate_proj.weight"};
    case LayerTensor::kUp:
      return {"ffn_up.weight", "mlp.up_proj.weight"};
    case LayerTensor::kDown:
      return {"ffn_down.weight", "mlp.down_proj.weight"};
    case LayerTensor::kPostFeedForwardNorm:
      return {"post_ffw_norm.weight", "post_feedforward_layernorm.weight"};
  }
  CAIRN_CHECK(false);
  return {};
}

}  // namespace

TensorNames::TensorNames(const WeightFile& file, bool has_post_norms)
    : gguf_(file.kind() == WeightFileKind::kGguf), has_post_norms_(has_post_norms) {
  if (gguf_) return;
  for (const char* prefix : {"model.", "language_model.model.", "model.language_model."}) {
    prefix_ = prefix;
    if (file.Find(Of(ModelTensor::kEmbedding)) != nullptr) return;
  }
  prefix_ = "model.";
}

std::string TensorNames::Of(ModelTensor tensor) const {
  switch (tensor) {
    case ModelTensor::kEmbedding:
      return gguf_ ? "token_embd.weight" : absl::StrCat(prefix_, "embed_tokens.weight");
    case ModelTensor::kFinalNorm:
      return gguf_ ? "output_norm.weight" : absl::StrCat(prefix_, "norm.weight");
    case ModelTensor::kHead:
      return gguf_ ? "output.weight" : "lm_head.weight";
  }
  CAIRN_CHECK(false);
  return {};
}

std::string TensorNames::Of(LayerTensor tensor, uint32_t layer) const {
  const Names names = NamesOf(tensor, has_post_norms_);
  return gguf_ ? absl::StrCat("blk.", layer, ".", names.gguf)
               : absl::StrCat(prefix_, "layers.", layer, ".", names.hugging_face);
}

}  // namespace cairn
