"""Runs speed cells on vLLM when told to: one JSON cell a line on standard input, one JSON answer a line.

Started by compare_engines.py with the Python of an environment that has vLLM's CPU build. The prompts of
a batch are the same whenever its cell comes again, so that only the first time computes them.
  vllm_cells.py MODEL_FOLDER      e.g. a bf16 safetensors folder of the same model
"""
import json
import os
import random
import sys
import time

os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "8")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")


def main():
    answers = os.fdopen(os.dup(1), "w")  # vLLM writes to standard output; answers keep their own
    os.dup2(2, 1)
    from vllm import LLM, SamplingParams
    from vllm.inputs import TokensPrompt

    llm = LLM(sys.argv[1], max_model_len=4608, dtype="bfloat16", enable_prefix_caching=True,
              max_num_batched_tokens=4096, max_num_seqs=64, enforce_eager=False)
    numbers = random.Random(1)
    kept = {}  # cell -> prompts

    def generate(prompts, tokens):
        params = SamplingParams(max_tokens=tokens, temperature=0, ignore_eos=True)
        begin = time.perf_counter()
        llm.generate(prompts, params, use_tqdm=False)
        return time.perf_counter() - begin

    def cell(batch, context, steps):
        key = (batch, context)
        seen = key in kept
        if batch == 1 or not seen:
            kept[key] = [TokensPrompt(prompt_token_ids=[numbers.randrange(100, 40000) for _ in range(context)])
                         for _ in range(batch)]
        prompts = kept[key]
        cold = generate(prompts, 1)
        cached = generate(prompts, 1)
        whole = generate(prompts, steps + 1)
        return {"prefill": None if batch > 1 and seen else batch * context / cold, "decode": batch * steps / (whole - cached)}

    cell(1, 64, 8)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(cell(**json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
