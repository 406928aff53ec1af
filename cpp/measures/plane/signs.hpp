// On which side of 0 units are, at vertices.
#pragma once

#include "base/types.hpp"

namespace randrelu {

// A bit for each unit at each vertex, in words.
class Signs {
 public:
  using Word = std::uint64_t;
  Signs(Index vertices, Index units)
      : words_(ceil_div(units, 64)), above_(at(vertices * words_)), below_(at(vertices * words_)) {}
  Index words() const { return words_; }
  // Which units are above 0 at a vertex, and which below; the others are on their lines.
  Word* above(Index vertex) { return above_.data() + vertex * words_; }
  Word* below(Index vertex) { return below_.data() + vertex * words_; }
  const Word* above(Index vertex) const { return above_.data() + vertex * words_; }
  const Word* below(Index vertex) const { return below_.data() + vertex * words_; }

 private:
  Index words_;
  std::vector<Word> above_, below_;
};

// Calls f with the units of word w whose bits are set.
template <class F>
void for_bits(Signs::Word word, Index w, const F& f) {
  for (; word; word &= word - 1) f(w * 64 + __builtin_ctzll(word));
}

}  // namespace randrelu
