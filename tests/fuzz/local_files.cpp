// Small files of a user: the token, what `hooke up` recorded, the token of a server.
#include <sys/stat.h>

#include "client/sdk/endpoint.h"
#include "client/sdk/state.h"
#include "server/access/token_file.h"
#include "tests/fuzz/target.h"

using namespace hooke;

void fuzz::one_input(Input input) {
  static const fuzz::Folder folder;
  const auto token = folder.write("token", input.rest());
  ::chmod(token.c_str(), S_IRUSR | S_IWUSR);
  fuzz::allowed({Code::kInvalidArgument}, [&] { sdk::read_token_file(token); });
  fuzz::allowed({Code::kFailedPrecondition}, [&] { access::read_token_file(token, false, {}); });
  folder.write("up.json", input.rest());
  sdk::read_up_state(folder.path());
  fuzz::allowed({Code::kInvalidArgument}, [&] { sdk::is_loopback(std::string(input.rest())); });
}
