// A node for as long as one command runs, in the command's own process: it asks peers and serves
// nobody. It is the node of a home on which none runs now, with that home's key and storage; where
// there is no such home it has a fresh key, which peers have to be told of, and keeps nothing.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "cli/embedded_node.hpp"
#include "cli/home.hpp"

namespace quarry::cli {

class TemporaryNode {
 public:
  // Says on stderr as whom it asks.
  static Result<std::unique_ptr<TemporaryNode>> start(const Home& home, const Network& network,
                                                      const std::filesystem::path& peers_file);
  ~TemporaryNode();
  TemporaryNode(const TemporaryNode&) = delete;
  TemporaryNode& operator=(const TemporaryNode&) = delete;

  bus::Context& context() { return node_->context(); }

 private:
  TemporaryNode() = default;
  Result<Home> make_folder();

  std::filesystem::path folder_;  // empty: there is a home
  std::unique_ptr<EmbeddedNode> node_;
};

}  // namespace quarry::cli
