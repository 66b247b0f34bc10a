#include "cli/temporary_node.hpp"

#include "bus/identity.hpp"
#include "cli/files.hpp"
#include "cli/log.hpp"
#include "cli/new_home.hpp"
#include "cli/output.hpp"
#include "cli/peers_file.hpp"

namespace quarry::cli {

TemporaryNode::~TemporaryNode() {
  node_.reset();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

Result<Home> TemporaryNode::make_folder() {
  const auto folder = make_temporary_folder("fetch");
  if (!folder) return tl::unexpected(folder.error());
  folder_ = *folder;
  const Home home(folder_);
  const auto key = make_home(home, "");
  if (!key) return tl::unexpected(key.error());
  return home;
}

Result<std::unique_ptr<TemporaryNode>> TemporaryNode::start(
    const Home& home, const Network& network, const std::filesystem::path& peers_file) {
  const auto peers = read_peers(peers_file);
  if (!peers) return tl::unexpected(peers.error());
  if (peers->empty()) {
    return error(Error::Kind::usage, "there are no peers in " + peers_file.string(),
                 "write a line for each: KEY ENDPOINT");
  }
  std::unique_ptr<TemporaryNode> made(new TemporaryNode);
  std::error_code ignored;
  const bool own = std::filesystem::exists(home.key_file(), ignored);
  const auto where = own ? Result<Home>(home) : made->make_folder();
  if (!where) return tl::unexpected(where.error());
  const auto identity = bus::Identity::load(where->key_file());
  if (!identity) return tl::unexpected(identity.error());
  if (auto set = log_to_stderr("error", false); !set) return tl::unexpected(set.error());

  NodeOptions options;
  options.home = where->directory();
  options.network = network;
  options.peers_file = std::filesystem::absolute(peers_file, ignored);
  options.stores = own;
  auto node = EmbeddedNode::start(std::move(options));
  if (!node) return tl::unexpected(node.error());
  made->node_ = std::move(*node);
  const std::string key = to_z85(identity->key);
  note(own ? "no node runs on the home " + home.directory().string() + "; asking with its key " +
                 key + ", for as long as this takes"
           : "no node runs, and there is no key in " + home.directory().string() +
                 "; asking with a fresh one, which peers have to know: quarry peers add " + key +
                 " - --role serve_only");
  return made;
}

}  // namespace quarry::cli
