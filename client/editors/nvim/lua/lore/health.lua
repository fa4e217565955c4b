--- `:checkhealth lore`.

local client = require('lore.client')
local config = require('lore.config')
local report = require('lore.report')
local socket = require('lore.socket')

-- The names of before 0.10.
local health = vim.health or require('health')
local start = health.start or health.report_start
local good = health.ok or health.report_ok
local bad = health.error or health.report_error

local LIMIT_MS = 10000

local M = {}

function M.check()
  start('lore')
  if vim.fn.executable(config('command')) == 1 then
    good(('`%s` is there'):format(config('command')))
  else
    local message = ('`%s` is not there, so no daemon can be started'):format(config('command'))
    bad(message, { "install lore, or let vim.g.lore = { command = '…' } name it" })
  end
  if vim.fn.executable('git') == 1 then
    good('`git` is there')
  else
    bad('`git` is not there, so the checkout does not tell the project', { 'install git' })
  end
  local failure, status
  client.request('daemon.status', nil, function(refused, answer)
    failure, status = refused, answer
  end)
  -- The person waits for this report anyway.
  vim.wait(LIMIT_MS, function()
    return failure or status
  end, 20)
  if status then
    good(('lored %s answers at %s and mirrors %d projects'):format(status.version, socket.path(), #status.projects))
  elseif failure then
    local lines = report.lines(failure)
    bad(table.remove(lines, 1), vim.tbl_map(vim.trim, lines))
  else
    bad(('no answer at %s within %d seconds'):format(socket.path(), LIMIT_MS / 1000), { 'lore daemon status' })
  end
end

return M
