# What is copied to be patched: the cores and what they are made of.
set(planted_globs
  kvstore/base/link_session.h
  kvstore/block/*.h kvstore/block/*.cc
  kvstore/tier/*.h kvstore/tier/*.cc
  kvstore/directory/*.h kvstore/directory/*.cc
  kvstore/core/*.h kvstore/core/*.cc
  scheduler/core/*.h scheduler/core/*.cc
  worker/core/*.h worker/core/*.cc)
