--- Which project and path a buffer means, by what git knows of its folder.

local config = require('lore.config')
local report = require('lore.report')

local M = {}

-- At most so many remotes are told the daemon.
local MAX_REMOTES = 32

-- A git that looks at a folder alone: an editor that git itself has started
-- inherits variables that name another repository.
local GIT = { 'env', '-u', 'GIT_DIR', '-u', 'GIT_WORK_TREE', '-u', 'GIT_INDEX_FILE', 'git', '-C' }

-- Runs git with several lists of words at once and gives the lines that each
-- wrote, nil for one that failed.
local function git(folder, commands, done)
  local answers, left = {}, #commands
  local function ended()
    left = left - 1
    if left == 0 then
      done(answers)
    end
  end
  for at, words in ipairs(commands) do
    local lines = {}
    local argv = vim.list_extend(vim.list_extend(vim.list_extend({}, GIT), { folder }), words)
    local job = vim.fn.jobstart(argv, {
      stdin = 'null',
      stdout_buffered = true,
      on_stdout = function(_, written)
        lines = written
      end,
      on_exit = function(_, status)
        answers[at] = status == 0 and lines or nil
        ended()
      end,
    })
    if job <= 0 then
      ended()
    end
  end
end

-- A URL without user and password: people put tokens there. `git@` of an ssh
-- URL is no secret and stays.
local function without_credentials(url)
  local scheme, authority, path = url:match('^(%w[%w+.-]*)://([^/?#]*)(.*)$')
  local user, host = (authority or ''):match('^(.*)@(.*)$')
  if not user then
    return url
  end
  local name = user:match('^[^:]*')
  local ssh = (scheme == 'ssh' or scheme == 'git+ssh' or scheme == 'ssh+git') and name ~= ''
  return ('%s://%s%s%s'):format(scheme, ssh and name .. '@' or '', host, path)
end

-- The remotes' URLs, most telling first: the one that the branch follows,
-- `upstream`, `origin`, then the others.
local function urls(verbose, branch, branches)
  local known, names = {}, {}
  for _, line in ipairs(verbose or {}) do
    local name, url = line:match('^(%S+)\t(.+) %(fetch%)')
    if name and not known[name] then
      known[name] = without_credentials(url)
      names[#names + 1] = name
    end
  end
  local order = { 'upstream', 'origin' }
  for _, line in ipairs(branches or {}) do
    local key, remote = line:match('^branch%.(.+)%.remote (.+)$')
    if key and branch and key == branch[1] then
      table.insert(order, 1, remote)
    end
  end
  local found, seen = {}, {}
  for _, name in ipairs(vim.list_extend(order, names)) do
    local url = known[name]
    if url and not seen[url] and #found < MAX_REMOTES then
      seen[url] = true
      found[#found + 1] = url
    end
  end
  return found
end

-- The project that a buffer of this plugin is about.
local function of_uri(name)
  return name:match('^lore://([^/]+)/(.+)/%-/%a[%a_]*/%d+$')
end

-- Gives the prefix of `folder` in its checkout, nil outside of one, and the
-- parameters of a request that say which project is meant.
local function look(buffer, folder, done)
  local ok, own = pcall(vim.api.nvim_buf_get_var, buffer, 'lore_project')
  local named = ok and own or config('project')
  if vim.fn.executable('git') == 0 or vim.fn.isdirectory(folder) == 0 then
    return done(nil, { project = named })
  end
  git(folder, {
    { 'rev-parse', '--show-prefix' },
    { 'remote', '-v' },
    { 'symbolic-ref', '--short', '--quiet', 'HEAD' },
    { 'config', '--get-regexp', [[^branch\..*\.remote$]] },
  }, function(answers)
    local remotes = urls(answers[2], answers[3], answers[4])
    done(answers[1] and answers[1][1], {
      project = named,
      remotes = not named and #remotes > 0 and remotes or nil,
    })
  end)
end

--- Which project a buffer is about.
--- @param buffer number
--- @param done function Called with parameters: `project`, `host`, `remotes`,
---   each where it is known.
function M.project(buffer, done)
  local name = vim.api.nvim_buf_get_name(buffer)
  local host, project = of_uri(name)
  if project then
    return done({ host = host, project = project })
  end
  local plain = name ~= '' and vim.bo[buffer].buftype == ''
  local folder = plain and vim.fn.fnamemodify(name, ':p:h') or vim.fn.getcwd()
  look(buffer, folder, function(_, params)
    done(params)
  end)
end

--- Which file of which project.
--- @param buffer number
--- @param file string|nil Another file than the buffer's.
--- @param done function Called with an error, or with nil and parameters as
---   of `project`, with `path`: from the root of the repository.
function M.file(buffer, file, done)
  local name = file or vim.api.nvim_buf_get_name(buffer)
  if name == '' or (not file and vim.bo[buffer].buftype ~= '') then
    local message = 'the current buffer is not a file, so it has no history'
    return done(report.failure('USAGE', message, ':LoreFileHistory path/to/file'))
  end
  local full = vim.fn.fnamemodify(name, ':p')
  if vim.fn.isdirectory(full) == 1 then
    return done(report.failure('USAGE', ('`%s` is a folder'):format(name), ':LoreFileHistory path/to/file'))
  end
  local folder, tail = vim.fn.fnamemodify(full, ':h'), vim.fn.fnamemodify(full, ':t')
  look(buffer, folder, function(prefix, params)
    -- Outside a checkout, the current folder counts as the root.
    local path = prefix and prefix .. tail or vim.fn.fnamemodify(full, ':.')
    if path:sub(1, 1) == '/' then
      local message = ('`%s` is in no git checkout, nor below the current folder'):format(name)
      return done(report.failure('USAGE', message, ":cd to the repository's root"))
    end
    params.path = path
    done(nil, params)
  end)
end

return M
