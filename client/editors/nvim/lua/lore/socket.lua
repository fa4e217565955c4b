--- Where the daemon listens, and starting it where it does not.

local config = require('lore.config')
local report = require('lore.report')

local M = {}

-- `lore daemon start` has bounds of its own, which are shorter.
local START_LIMIT_MS = 60000

local function set(name)
  local value = vim.env[name]
  return value ~= nil and value ~= '' and value or nil
end

-- The XDG specification: a relative path is passed over.
local function absolute(name)
  local value = set(name)
  return value and value:sub(1, 1) == '/' and value or nil
end

--- The socket's path, found as `lore` finds it; nil and an error where there
--- is no place for it.
function M.path()
  local told = config('socket') or set('LORE_SOCKET')
  if told then
    return vim.fn.fnamemodify(told, ':p')
  end
  if set('LORE_DATA_DIR') then
    return vim.fn.fnamemodify(set('LORE_DATA_DIR') .. '/lored.sock', ':p')
  end
  local data = absolute('XDG_DATA_HOME') or (set('HOME') and set('HOME') .. '/.local/share')
  local folder = absolute('XDG_RUNTIME_DIR') or data
  if not folder then
    local message = 'neither HOME nor XDG_RUNTIME_DIR is set, so there is no socket'
    return nil, report.failure('IO', message, 'set LORE_SOCKET')
  end
  return folder .. '/lore/lored.sock'
end

--- What `daemon.hello` is told: the places that were named, so that no daemon
--- of another mirror answers.
function M.hello()
  return {
    protocol = 1,
    client_version = 'lore.nvim',
    data_dir = set('LORE_DATA_DIR') and vim.fn.fnamemodify(set('LORE_DATA_DIR'), ':p'):gsub('/$', '') or nil,
    config = set('LORE_CONFIG') and vim.fn.fnamemodify(set('LORE_CONFIG'), ':p') or nil,
  }
end

-- The error in a document of robot mode.
local function told_by(document, fallback)
  local ok, parsed = pcall(vim.json.decode, document, { luanil = { object = true, array = true } })
  local failure = ok and type(parsed) == 'table' and parsed.error
  return type(failure) == 'table' and failure or fallback
end

--- Starts the daemon by `lore daemon start`, which waits until it serves.
--- @param absent string Why it is needed.
--- @param done function Called with an error or nil.
function M.start(absent, done)
  local command = config('command')
  local nobody = ('no daemon answers at %s (%s)'):format(M.path(), absent)
  if not config('autostart') or vim.env.LORE_NO_AUTOSTART == '1' then
    return done(report.failure('DAEMON_UNAVAILABLE', nobody, 'lore daemon start'))
  end
  if vim.fn.executable(command) == 0 then
    local message = ('%s, and `%s`, which would start one, is not there'):format(nobody, command)
    local cure = "install lore, or let vim.g.lore = { command = '…' } name it"
    return done(report.failure('DAEMON_UNAVAILABLE', message, cure))
  end
  local argv = { command, '--robot' }
  if config('socket') then
    vim.list_extend(argv, { '--socket', M.path() })
  end
  vim.list_extend(argv, { 'daemon', 'start' })
  local document, ended = '', false
  local job
  job = vim.fn.jobstart(argv, {
    stdin = 'null',
    stdout_buffered = true,
    on_stdout = function(_, lines)
      document = table.concat(lines, '\n')
    end,
    on_exit = function(_, status)
      ended = true
      if status == 0 then
        return done(nil)
      end
      local fallback = report.failure(
        'DAEMON_UNAVAILABLE',
        ('`%s` ended with status %d'):format(table.concat(argv, ' '), status),
        'lore daemon start',
        'lore daemon logs'
      )
      done(told_by(document, fallback))
    end,
  })
  if job <= 0 then
    return done(report.failure('DAEMON_UNAVAILABLE', nobody .. ', and `lore` could not be run', 'lore daemon start'))
  end
  vim.defer_fn(function()
    if not ended then
      vim.fn.jobstop(job)
    end
  end, START_LIMIT_MS)
end

return M
