#include <unistd.h>

#include <map>
#include <optional>

#include "cli/client.hpp"
#include "cli/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/describe.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/peers_file.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

struct PeerFlags {
  Common common;
  std::string peer;  // key or name
  std::string endpoint;
  std::string role = "primary";
  std::string name;
  std::string duration;
  std::string file;
};

using std::chrono::milliseconds;

// Two thousand peers, with long comments.
constexpr std::size_t kMostPeersFile = 16 << 20;

// The running node, or nothing where none runs: editing the peers file needs none.
Result<std::unique_ptr<Client>> node_if_running(const Home& home) {
  if (auto fits = home.check(); !fits) return tl::unexpected(fits.error());
  auto client = Client::connect(home);
  if (client) return client;
  // A node that runs and does not answer is another matter.
  if (client.error().kind == Error::Kind::unavailable && !home.pid()) {
    return std::unique_ptr<Client>();
  }
  return client;
}

void add_entry(Json& json, const report::PeerEntry& peer) {
  json.add("key", to_z85(peer.peer)).add("endpoint", peer.endpoint);
  json.add("role", name(peer.role)).add("name", peer.name);
}

std::string as_json(const std::vector<report::PeerInfo>& peers) {
  Json json;
  json.begin().add_flag("running", true).begin("peers", '[');
  for (const auto& info : peers) {
    add_entry(json.begin(), info.peer);
    json.add("state", name(info.state)).add("detail", info.detail);
    json.add("blocked_ms", info.blocked_ms).add("latency_us", info.latency_us);
    json.add("median_us", info.median_us).add("p95_us", info.p95_us);
    json.add("bytes_per_s", info.bytes_per_s).add("failing", info.failing);
    json.add("left_alone_ms", info.left_alone_ms).add("in_flight", info.in_flight);
    json.add("asked", info.asked).add("accepted", info.accepted).add("no_data", info.no_data);
    json.add("timed_out", info.timed_out).add("invalid", info.invalid).end();
  }
  return json.end().end().line();
}

std::string as_text(const std::vector<report::PeerInfo>& peers) {
  if (peers.empty()) return "no peers; add one with: quarry peers add KEY ENDPOINT\n";
  Table table({"NAME", "STATE", ">MEDIAN", ">P95", ">RATE", ">ASKED", ">ACCEPTED", ">NO DATA",
               ">TIMED OUT", ">INVALID", ">FAILING", "ENDPOINT", "KEY", "DETAIL"});
  const auto in_ms = [](std::uint32_t us) { return us == 0 ? "-" : fixed(us / 1000.0, 1) + " ms"; };
  for (const auto& info : peers) {
    std::string detail = info.detail;
    if (info.state == PeerState::blocked && info.blocked_ms != 0) {
      detail += (detail.empty() ? "" : ", ") + std::string("for another ") +
                format_duration(milliseconds(info.blocked_ms));
    }
    if (info.left_alone_ms != 0) {
      detail += (detail.empty() ? "" : ", ") + std::string("left alone for another ") +
                format_duration(milliseconds(info.left_alone_ms));
    }
    const std::string rate = info.bytes_per_s == 0 ? "-" : format_size(info.bytes_per_s) + "/s";
    table.add({info.peer.name, std::string(name(info.state)), in_ms(info.median_us),
               in_ms(info.p95_us), rate, std::to_string(info.asked), std::to_string(info.accepted),
               std::to_string(info.no_data), std::to_string(info.timed_out),
               std::to_string(info.invalid), std::to_string(info.failing) + "%", info.peer.endpoint,
               to_z85(info.peer.peer), detail});
  }
  return table.text();
}

Exit list_from_file(const PeerFlags& flags) {
  const auto file = PeersFile::read(flags.common.peers_file());
  if (!file) return fail(file.error());
  if (flags.common.json) {
    Json json;
    json.begin().add_flag("running", false).begin("peers", '[');
    for (const auto& peer : file->peers()) {
      add_entry(json.begin(), peer);
      json.end();
    }
    return finish(json.end().end().line());
  }
  note("no node runs on the home " + flags.common.where().directory().string() + "; this is what " +
       flags.common.peers_file().string() + " says");
  Table table({"NAME", "ROLE", "ENDPOINT", "KEY"});
  for (const auto& peer : file->peers()) {
    table.add({peer.name, std::string(name(peer.role)), peer.endpoint, to_z85(peer.peer)});
  }
  return finish(table.text());
}

Result<report::PeerEntry> entry_of(const PeerFlags& flags) {
  const auto key = peer_from_z85(flags.peer);
  if (!key) {
    return error(Error::Kind::usage, "'" + shown(flags.peer, 60) + "' is no public key",
                 "give the 40 characters that `quarry id` prints on that node");
  }
  report::PeerEntry entry{*key, flags.endpoint == "-" ? "" : flags.endpoint, PeerRole::primary,
                          flags.name};
  for (PeerRole role : {PeerRole::primary, PeerRole::secondary, PeerRole::serve_only}) {
    if (flags.role == name(role)) entry.role = role;
  }
  if (flags.role != name(entry.role)) {
    return error(Error::Kind::usage, "'" + shown(flags.role, 40) + "' is no role",
                 "use primary, secondary or serve_only");
  }
  if (!entry.endpoint.empty() || entry.role != PeerRole::serve_only) {
    if (auto fits = check_endpoint(entry.endpoint); !fits) return tl::unexpected(fits.error());
  }
  if (!entry.name.empty()) {
    if (auto fits = check_name("a peer", entry.name); !fits) return tl::unexpected(fits.error());
  }
  return entry;
}

// Tells the node first, and writes only what it has taken: a refusal changes nothing.
template <class Command>
Exit change(const PeerFlags& flags, const PeersFile& file, Command command) {
  auto client = node_if_running(flags.common.where());
  if (!client) return fail(client.error());
  if (*client) {
    Client::Items ignored;
    const auto done = (*client)->call(std::move(command), ignored);
    if (!done) return fail(done.error());
  }
  if (auto written = file.write(flags.common.peers_file()); !written) {
    return fail(written.error());
  }
  if (!*client) {
    note("no node runs on the home " + flags.common.where().directory().string() + "; " +
         flags.common.peers_file().string() + " is changed");
  }
  return Exit::ok;
}

// A command about a peer to the running node.
template <class Command>
Exit tell(const PeerFlags& flags, Command command) {
  const auto peer = peer_called(flags.peer, flags.common.peers_file());
  if (!peer) return fail(peer.error());
  auto client = Client::connect(flags.common.where());
  if (!client) return fail(client.error());
  command.peer = *peer;
  Client::Items ignored;
  const auto done = (*client)->call(std::move(command), ignored);
  return done ? Exit::ok : fail(done.error());
}

Exit peers_list(const PeerFlags& flags) {
  auto client = node_if_running(flags.common.where());
  if (!client) return fail(client.error());
  if (!*client) return list_from_file(flags);
  Client::Items items;
  const auto done = (*client)->call(report::PeerList{}, items);
  if (!done) return fail(done.error());
  std::vector<report::PeerInfo> peers;
  for (const auto& item : items) {
    if (const auto* info = std::get_if<report::PeerInfo>(&item)) peers.push_back(*info);
  }
  return finish(flags.common.json ? as_json(peers) : as_text(peers));
}

Exit peers_add(const PeerFlags& flags) {
  const auto entry = entry_of(flags);
  if (!entry) return fail(entry.error());
  const auto lock = PeersLock::take(flags.common.peers_file());
  if (!lock) return fail(lock.error());
  auto file = PeersFile::read(flags.common.peers_file());
  if (!file) return fail(file.error());
  const auto* known = file->find(to_z85(entry->peer));
  if (known == nullptr) known = file->find(entry->name);
  if (known != nullptr) {
    return fail({Error::Kind::usage,
                 flags.common.peers_file().string() + " has the peer " + to_z85(known->peer) +
                     (known->name.empty() ? "" : " (" + known->name + ")") + " already",
                 "remove it first: quarry peers remove"});
  }
  if (auto added = file->add(*entry); !added) return fail(added.error());
  return change(flags, *file, report::PeerAdd{{}, *entry});
}

Exit peers_remove(const PeerFlags& flags) {
  const auto lock = PeersLock::take(flags.common.peers_file());
  if (!lock) return fail(lock.error());
  auto file = PeersFile::read(flags.common.peers_file());
  if (!file) return fail(file.error());
  const auto peer = peer_called(flags.peer, flags.common.peers_file());
  if (!peer) return fail(peer.error());
  if (!file->remove(*peer)) {
    return fail(
        {Error::Kind::usage,
         "the peer " + flags.peer + " does not stand in " + flags.common.peers_file().string(),
         "see quarry peers list"});
  }
  return change(flags, *file, report::PeerRemove{{}, *peer});
}

// The file is taken as it is, with its comments.
Exit peers_set(const PeerFlags& flags) {
  auto text = flags.file == "-" ? read_descriptor(STDIN_FILENO, "stdin", kMostPeersFile)
                                : read_file(flags.file, kMostPeersFile);
  if (!text) return fail(text.error());
  const auto file = PeersFile::parse(*text, flags.file == "-" ? "stdin" : flags.file);
  if (!file) return fail(file.error());
  const auto lock = PeersLock::take(flags.common.peers_file());
  if (!lock) return fail(lock.error());
  return change(flags, *file, report::PeerSet{{}, peer_set_number(), file->peers()});
}

Exit peers_block(const PeerFlags& flags) {
  report::PeerBlock command;
  if (!flags.duration.empty()) {
    const auto duration = parse_duration(flags.duration);
    if (!duration) return fail(duration.error());
    command.duration_ms = static_cast<std::uint64_t>(duration->count());
  }
  return tell(flags, command);
}

Exit peers_unblock(const PeerFlags& flags) { return tell(flags, report::PeerUnblock{}); }

}  // namespace

void add_peers(CommandLine& to) {
  const auto flags = std::make_shared<PeerFlags>();
  Command peers = to.command("peers", "See and change whom the node knows",
                             "  quarry peers add KEY tcp://10.0.0.7:7000 --name bob\n"
                             "  quarry peers list");
  // Before the command's name too, where scripts that work on one home put it.
  peers.home(flags->common, false);
  const auto add = [&](const std::string& name, const std::string& text, const std::string& example,
                       Exit (*act)(const PeerFlags&)) {
    Command made = peers.command(name, text, example);
    made.home(flags->common, name == "list")
        .peers_file(flags->common, "The peers file (otherwise DIR/peers)")
        .does([flags, act] { return act(*flags); });
    return made;
  };
  const std::string whom = "Its name or public key";
  add("list", "How each peer stands with the node", "  quarry peers list", peers_list);
  add("add", "Know a peer from now on", "  quarry peers add KEY tcp://10.0.0.7:7000 --name bob",
      peers_add)
      .argument("KEY", flags->peer, "Its public key: quarry id")
      .argument("ENDPOINT", flags->endpoint, "Where it listens; - for a serve_only peer")
      .option("--role", flags->role, "primary, secondary or serve_only [primary]", "ROLE")
      .option("--name", flags->name, "What you call it", "NAME");
  add("set", "Know the peers of a file, and no others", "  quarry peers set peers.new", peers_set)
      .argument("FILE", flags->file, "As the peers file is written; - for stdin");
  add("remove", "Know a peer no longer", "  quarry peers remove bob", peers_remove)
      .argument("PEER", flags->peer, whom);
  add("block", "Neither ask nor serve a peer for a while", "  quarry peers block bob --for 2h",
      peers_block)
      .argument("PEER", flags->peer, whom)
      .option("--for", flags->duration, "How long (otherwise as long as for a lie)", "TIME");
  add("unblock", "End the block of a peer", "  quarry peers unblock bob", peers_unblock)
      .argument("PEER", flags->peer, whom);
}

}  // namespace quarry::cli
