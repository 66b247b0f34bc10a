// One visitor of a variant, made of a function for each case.
#pragma once

namespace quarry::sim {

template <class... Fs>
struct Cases : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Cases(Fs...) -> Cases<Fs...>;

}  // namespace quarry::sim
