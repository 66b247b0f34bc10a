#include "actors/workers/dir_store.hpp"
#include "actors/workers/exec_storage.hpp"
#include "actors/workers/lmdb_storage.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/worker_process.hpp"
#include "msg/text.hpp"

namespace quarry::cli {
namespace {

struct StoreFlags {
  WorkerFlags worker;
  std::string directory;
  std::string lmdb;
  std::string command;
  bool keeps = false;
};

// Storages of one name are one storage, so the name tells them apart by where the values are.
std::string name_of(const StoreFlags& flags, const char* kind, const std::string& directory) {
  if (!flags.worker.name.empty()) return flags.worker.name;
  std::error_code ignored;
  const auto path = std::filesystem::weakly_canonical(directory, ignored);
  return fit_text(kind + path.string(), limits::kMaxText);
}

std::vector<MakeWork> with_readers(const StoreFlags& flags, std::vector<MakeWork> works,
                                   const MakeWork& reader) {
  works.insert(works.end(), std::max(1U, flags.worker.concurrency), reader);
  return works;
}

Result<std::vector<MakeWork>> plan_directory(const StoreFlags& flags, const Network& network) {
  const std::string name = name_of(flags, "dir:", flags.directory);
  std::vector<MakeWork> works;
  if (flags.keeps) {
    works.emplace_back([=] {
      return workers::dir_store::open_writer(flags.directory, network).map([&](auto writer) {
        return workers::storage_writer(std::move(writer), name);
      });
    });
  }
  return with_readers(flags, std::move(works), [=] {
    return workers::dir_store::open_reader(flags.directory, network).map([&](auto reader) {
      return workers::storage_reader(std::move(reader), name);
    });
  });
}

Result<std::vector<MakeWork>> plan_lmdb(const StoreFlags& flags, const Network& network) {
  const std::string name = name_of(flags, "lmdb:", flags.lmdb);
  auto opened = workers::LmdbStore::open(flags.lmdb, network.key_length);
  if (!opened) return tl::unexpected(opened.error());
  const std::shared_ptr<workers::LmdbStore> store = std::move(*opened);
  std::vector<MakeWork> works;
  if (flags.keeps) {
    works.emplace_back([=]() -> Result<std::unique_ptr<workers::Work>> {
      return workers::LmdbStorage::writer(store, name);
    });
  }
  return with_readers(flags, std::move(works),
                      [=] { return workers::LmdbStorage::reader(store, name); });
}

Result<std::vector<MakeWork>> plan(const StoreFlags& flags, const Served& served) {
  if (!flags.directory.empty()) return plan_directory(flags, served.network);
  if (!flags.lmdb.empty()) return plan_lmdb(flags, served.network);
  return std::vector<MakeWork>{[=] {
    return workers::ExecStorage::open(exec_options(flags.worker, flags.command, served),
                                      served.network, flags.keeps);
  }};
}

Exit store(const StoreFlags& flags) {
  if (flags.directory.empty() + flags.lmdb.empty() + flags.command.empty() != 2) {
    return fail({Error::Kind::usage, "it is not clear where values are",
                 "use one of --dir DIR, --lmdb DIR and --exec CMD"});
  }
  if (flags.worker.name == workers::LmdbStorage::kName) {
    return fail({Error::Kind::usage, "the node's own storage is called " + flags.worker.name,
                 "use another --name"});
  }
  return run_workers(flags.worker, WorkerRole::storage,
                     [&](const Served& served) { return plan(flags, served); });
}

}  // namespace

void add_store(CommandLine& to) {
  const auto flags = std::make_shared<StoreFlags>();
  Command command = to.command("store", "Be a storage of the node, until Ctrl-C or SIGTERM",
                               "  quarry store --dir ~/values\n"
                               "  quarry store --exec 'cat ~/values/$QUARRY_KEY || exit 66'");
  command.option("--dir", flags->directory, "Values are files, named by their keys", "DIR")
      .option("--lmdb", flags->lmdb, "Values are in a database, made if missing", "DIR")
      .option("--exec", flags->command, "By a program: value on stdout; 0 found, 66 not", "CMD")
      .flag("--keeps", flags->keeps, "It also keeps and removes values");
  add_worker_options(command, flags->worker);
  command.does([flags] { return store(*flags); });
}

}  // namespace quarry::cli
